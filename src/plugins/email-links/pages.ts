import { ProblemError } from '../../kernel/problem.ts';
import type { Page, PageInput, PageReply } from '../../kernel/route.ts';
import { linkPages } from './link-pages.ts';
import { donePage } from './outcomes.ts';
import type { PageDependencies } from './page-dependencies.ts';
import { problems } from './problems.ts';
import { reasonOf } from './refusals.ts';

const access = { kind: 'public' } as const;

/** Pages that take the token as a parameter lead to the one that has it in its path. */
function tokenPages({ base }: PageDependencies): Page[] {
  const lead = (path: string, otherwise: string): Page => ({
    method: 'get',
    path,
    access,
    handle: async ({ query: { token } }) => ({
      redirect: `${base}${token ? `/l/${encodeURIComponent(token)}` : otherwise}`,
    }),
  });
  return [
    lead('/auth/password/reset', '/auth/password/forgot'),
    lead('/auth/email/confirm', '/auth/email/verify'),
  ];
}

function forgotPages({ service, base }: PageDependencies): Page[] {
  const path = '/auth/password/forgot';
  const show = ({ csrf, form }: PageInput, refused?: ProblemError): PageReply => ({
    view: 'email-links/forgot',
    locals: {
      csrf,
      action: `${base}${path}`,
      email: form['email'],
      error: refused && reasonOf(refused),
    },
    ...(refused && { problem: refused }),
  });
  return [
    { method: 'get', path, access, handle: async (input) => show(input) },
    {
      method: 'post',
      path,
      access,
      rateLimit: 'mail',
      async handle(input) {
        try {
          await service.forgot(input.form['email'] ?? '');
          return donePage('reset-sent');
        } catch (error) {
          if (!(error instanceof ProblemError) || error.problem.status !== 400) throw error;
          return show(input, error);
        }
      },
    },
  ];
}

/** For who is signed in in this browser. */
function verifyPages({ service, oidc, base }: PageDependencies): Page[] {
  const path = '/auth/email/verify';
  const userOf = async ({ request }: PageInput) => {
    const session = await oidc.currentSession(request.exchange);
    const user = session && (await service.user(session.userId));
    if (!user) throw problems.signInFirst();
    return user;
  };
  return [
    {
      method: 'get',
      path,
      access,
      async handle(input) {
        const { email, emailVerified } = await userOf(input);
        if (emailVerified) return donePage('verified');
        const locals = { csrf: input.csrf, action: `${base}${path}`, email };
        return { view: 'email-links/verify', locals };
      },
    },
    {
      method: 'post',
      path,
      access,
      rateLimit: 'mail',
      async handle(input) {
        const { id } = await userOf(input);
        return donePage((await service.askToVerify(id)) ? 'verification-sent' : 'verified');
      },
    },
  ];
}

export const createPages = (dependencies: PageDependencies): readonly Page[] => [
  ...linkPages(dependencies),
  ...forgotPages(dependencies),
  ...verifyPages(dependencies),
  ...tokenPages(dependencies),
];
