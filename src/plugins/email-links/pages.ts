import type { OidcEngine } from '../../kernel/oidc.ts';
import { ProblemError } from '../../kernel/problem.ts';
import type { Admit, Page, PageInput, PageReply } from '../../kernel/route.ts';
import type { LinkRow } from './model.ts';
import { donePage } from './outcomes.ts';
import { problems } from './problems.ts';
import type { FollowingService } from './service.ts';
import { removedBy, waysToShow } from './shown-ways.ts';

interface Dependencies {
  readonly service: FollowingService;
  readonly oidc: Pick<OidcEngine, 'currentSession'>;
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
  readonly passwordMinLength: number;
  readonly admit: Admit;
}

const access = { kind: 'public' } as const;

/** The link's own page for links that do not work; every other failure is an error page. */
async function unlessInvalid(work: () => Promise<PageReply>): Promise<PageReply> {
  try {
    return await work();
  } catch (error) {
    const isInvalid =
      error instanceof ProblemError && error.problem.type === problems.linkInvalid.type;
    if (!isInvalid) throw error;
    return { view: 'email-links/invalid', locals: {}, problem: error };
  }
}

/** `/l/:code`: showing changes nothing, because mail scanners open links before people do; the form acts. */
function linkPages({ service, base, passwordMinLength, admit }: Dependencies): Page[] {
  const path = '/l/:code';

  const show = async (
    link: LinkRow,
    { csrf, params, form }: PageInput,
    refused?: ProblemError,
  ): Promise<PageReply> => {
    const shared = { csrf, action: `${base}/l/${params['code']}`, email: link.email };
    if (link.purpose === 'password-reset') {
      return {
        view: 'email-links/new-password',
        locals: {
          ...shared,
          passwordMinLength,
          error: refused && reasonOf(refused),
          ways: waysToShow(await service.waysIn(link), removedBy(form)),
        },
        ...(refused && { problem: refused }),
      };
    }
    const { purpose, new_email: newEmail } = link;
    return { view: 'email-links/confirm', locals: { ...shared, purpose, newEmail } };
  };

  const act = async (input: PageInput): Promise<PageReply> => {
    const code = input.params['code'] ?? '';
    const link = await service.find(code);
    if (link.purpose !== 'password-reset') {
      const { status, cookies } = await service.confirm(code, input.request);
      const isSignedIn = cookies.some(({ value }) => value !== undefined);
      return { ...donePage(status === 'changed' && isSignedIn ? 'changed-here' : status), cookies };
    }
    try {
      const next = input.form['new_password'] ?? '';
      const cookies = await service.reset(code, next, input.request, removedBy(input.form));
      return { ...donePage('password-set'), cookies };
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.status !== 400) throw error;
      return show(link, input, error);
    }
  };

  return [
    {
      method: 'get',
      path,
      access,
      handle: (input) =>
        unlessInvalid(async () => show(await service.find(input.params['code'] ?? ''), input)),
    },
    {
      method: 'post',
      path,
      access,
      rateLimit: () => 'sign-in',
      admit: () => admit,
      handle: (input) => unlessInvalid(() => act(input)),
    },
  ];
}

/** Pages that take the token as a parameter lead to the one that has it in its path. */
function tokenPages({ base }: Dependencies): Page[] {
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

function forgotPages({ service, base }: Dependencies): Page[] {
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
      rateLimit: () => 'mail',
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
function verifyPages({ service, oidc, base }: Dependencies): Page[] {
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
      rateLimit: () => 'mail',
      async handle(input) {
        const { id } = await userOf(input);
        return donePage((await service.askToVerify(id)) ? 'verification-sent' : 'verified');
      },
    },
  ];
}

const reasonOf = ({ problem, details }: ProblemError): string =>
  details.errors?.map(({ detail }) => detail).join(' ') ?? problem.title;

export const createPages = (dependencies: Dependencies): readonly Page[] => [
  ...linkPages(dependencies),
  ...forgotPages(dependencies),
  ...verifyPages(dependencies),
  ...tokenPages(dependencies),
];
