import type { ProblemError } from '../../kernel/problem.ts';
import type { PageReply } from '../../kernel/route.ts';
import type { LinkQuestion } from './upstream.ts';

interface Question {
  readonly question: LinkQuestion;
  readonly csrf: string;
  /** Where the answer is posted. */
  readonly action: string;
  readonly forgotUrl: string | undefined;
  /** To the other ways to sign in. */
  readonly backUrl?: string;
  readonly refused?: { readonly error: string; readonly problem?: ProblemError } | undefined;
}

type QuestionPage = Extract<PageReply, { view: string }>;

/** The page that asks whether two accounts are one person's, or says why that cannot be asked here. */
export function questionPage({ question, csrf, action, refused, ...urls }: Question): QuestionPage {
  const { email, proof, provider } = question;
  const shared = { email, label: provider.label, ...urls };
  if (proof === 'none') return { view: 'federation/not-yet', status: 409, locals: shared };
  const needsPassword = proof === 'password';
  return {
    view: 'federation/link',
    status: refused ? 401 : 200,
    ...(refused?.problem && { problem: refused.problem }),
    locals: {
      ...shared,
      ...(!needsPassword && { forgotUrl: undefined }),
      ...{ csrf, action, needsPassword, error: refused?.error },
    },
  };
}
