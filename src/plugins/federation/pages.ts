import { ProblemError } from '../../kernel/problem.ts';
import type { Admit, Page, PageInput, PageReply } from '../../kernel/route.ts';
import { problems, UPSTREAM } from './problems.ts';
import { questionPage } from './question-page.ts';
import { parseReturnTo } from './return-to.ts';
import { CallbackQuery, LeaveQuery, ProviderId } from './schemas.ts';
import type { Arrival } from './service/arrivals.ts';
import type { Federation } from './service.ts';

interface Dependencies {
  readonly federation: Federation;
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
  /** Our own origin, and those of CORS_ORIGINS. */
  readonly origins: { readonly origin: string; readonly others: readonly string[] };
  /** Where those go who forgot their password; undefined when no mail can leave. */
  readonly forgotPath: string | undefined;
  readonly admit: Admit;
}

/** `return_to` may redirect on. */
const shared = { access: { kind: 'public' }, leavesSite: true } as const;

const ARRIVAL = [
  ...UPSTREAM,
  problems.unknownProvider,
  problems.stateInvalid,
  problems.cancelled,
  problems.notProven,
  problems.notAdmitted,
  problems.emailUnverified,
  problems.accountUnverified,
  problems.accountUnavailable,
  problems.registrationClosed,
  problems.linkRequired,
  problems.linkUnverified,
  problems.identityTaken,
  problems.alreadyLinked,
];

const WRONG = 'The password is wrong.';

/** The URL that `return_to` asks for. Throws `federation:invalid-return-to` for one that is not allowed. */
export function returnToOf(
  text: string | undefined,
  origins: Dependencies['origins'],
): { readonly returnTo?: string } {
  if (text === undefined) return {};
  const returnTo = parseReturnTo(text, origins);
  if (returnTo === undefined) throw problems.invalidReturnTo();
  return { returnTo };
}

/** Where a browser goes on: a question has a page of its own, so that the code of the provider is left behind. */
export const arrivalReply = (base: string, provider: string, arrival: Arrival): PageReply =>
  'question' in arrival
    ? { redirect: `${base}/oauth2/${provider}/confirm/${arrival.question}` }
    : arrival;

/** `/oauth2/:provider/authorize|callback`, and the page that asks whether two accounts are one person's. */
export function createPages({
  federation,
  base,
  origins,
  forgotPath,
  admit,
}: Dependencies): Page[] {
  const showQuestion = async (
    { params, csrf, request }: PageInput,
    refused?: { readonly error: string; readonly problem?: ProblemError },
  ): Promise<PageReply> => {
    const { provider = '', code = '' } = params;
    const question = await federation.question(code, request);
    const action = `${base}/oauth2/${provider}/confirm/${code}`;
    return questionPage({ question, csrf, action, refused, forgotUrl: forgotPath });
  };

  const answerQuestion = async (input: PageInput): Promise<PageReply> => {
    const { code = '' } = input.params;
    try {
      const reply = await federation.answer(code, input.form['password'], input.request);
      return reply ?? (await showQuestion(input, { error: WRONG }));
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.status !== 429) throw error;
      return showQuestion(input, { error: error.problem.title, problem: error });
    }
  };

  return [
    {
      ...shared,
      method: 'get',
      path: '/oauth2/:provider/authorize',
      document: {
        summary:
          'Sign in with an account of a provider: on to its page, with a cookie to come back with',
        params: ProviderId,
        query: LeaveQuery,
        problems: [problems.unknownProvider, problems.invalidReturnTo, ...UPSTREAM],
      },
      async handle({ params: { provider = '' }, query, request }) {
        const goal = { kind: 'sign-in', ...returnToOf(query['return_to'], origins) } as const;
        return federation.begin(provider, goal, request, query['prompt'] === 'login');
      },
    },
    {
      ...shared,
      method: 'get',
      path: '/oauth2/:provider/callback',
      rateLimit: 'sign-in',
      document: {
        summary:
          'Where the provider sends the browser: cookies of `POST /auth/login`, and on to return_to; or a question, or why not',
        params: ProviderId,
        query: CallbackQuery,
        problems: ARRIVAL,
      },
      async handle({ params: { provider = '' }, query, request }) {
        const parameters = new URLSearchParams(query);
        return arrivalReply(
          base,
          provider,
          await federation.callback(provider, parameters, request),
        );
      },
    },
    {
      ...shared,
      method: 'get',
      path: '/oauth2/:provider/confirm/:code',
      handle: (input) => showQuestion(input),
    },
    {
      ...shared,
      method: 'post',
      path: '/oauth2/:provider/confirm/:code',
      rateLimit: 'sign-in',
      admit: () => admit,
      handle: answerQuestion,
    },
  ];
}
