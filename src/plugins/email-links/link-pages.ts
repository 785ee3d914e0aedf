import { ProblemError } from '../../kernel/problem.ts';
import type { Page, PageInput, PageReply } from '../../kernel/route.ts';
import type { LinkRow } from './model.ts';
import { donePage } from './outcomes.ts';
import type { PageDependencies } from './page-dependencies.ts';
import { problems } from './problems.ts';
import { reasonOf } from './refusals.ts';
import { removedBy, waysToShow } from './shown-ways.ts';

const access = { kind: 'public' } as const;

/** Wrong, refused by the policy, or tried too often: told on the form itself. */
const TELLING = [400, 403, 429];

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

/** The form's field that the problem is about. */
function fieldOf({ details }: ProblemError, form: PageInput['form']): string {
  const named = details.errors?.[0]?.pointer.slice(2);
  if (named && named in form) return named;
  return 'new_password' in form ? 'new_password' : 'password';
}

/** `/l/:code`: showing changes nothing, because mail scanners open links before people do; the form acts. */
export function linkPages({ service, base, passwordMinLength, admit }: PageDependencies) {
  const path = '/l/:code';

  /** The form of the link, with nothing left to say for whom the link is enough. */
  const formOf = async ({ purpose, ...link }: LinkRow, input: PageInput) => {
    if (purpose === 'password-reset') return { view: 'email-links/new-password' };
    if (purpose === 'register') return { view: 'email-links/register' };
    const isEnough = await service.isEnough({ purpose, ...link }, input.request);
    const isClaim = purpose === 'verify-email' && !isEnough;
    return { view: isClaim ? 'email-links/claim' : 'email-links/confirm', isEnough };
  };

  const show = async (
    link: LinkRow,
    input: PageInput,
    refused?: ProblemError,
  ): Promise<PageReply> => {
    const { csrf, params, form } = input;
    const { purpose, email, new_email: newEmail, payload } = link;
    const { view, isEnough } = await formOf(link, input);
    const locals = {
      needsPassword: isEnough === false,
      ...{ csrf, purpose, email, newEmail, passwordMinLength },
      action: `${base}/l/${params['code']}`,
      name: form['name'] ?? payload?.name,
      error: refused && reasonOf(refused),
      ways: purpose === 'password-reset' && waysToShow(await service.waysIn(link), removedBy(form)),
      errors: refused && { [fieldOf(refused, form)]: reasonOf(refused) },
    };
    return { view, locals, ...(refused && { problem: refused }) };
  };

  /** Does it, and says what was done. */
  const follow = async (
    link: LinkRow,
    code: string,
    { form, request }: PageInput,
  ): Promise<PageReply> => {
    const { name, password, new_password: newPassword } = form;
    if (link.purpose === 'password-reset') {
      const cookies = await service.reset(code, newPassword ?? '', request, removedBy(form));
      return { ...donePage('password-set'), cookies };
    }
    const said = { name, password: password || undefined, newPassword: newPassword || undefined };
    const { status, cookies } = await service.confirm(code, said, request);
    const isSignedIn = cookies.some(({ value }) => value !== undefined);
    return { ...donePage(status === 'changed' && isSignedIn ? 'changed-here' : status), cookies };
  };

  const act = async (input: PageInput): Promise<PageReply> => {
    const code = input.params['code'] ?? '';
    const link = await service.find(code);
    try {
      return await follow(link, code, input);
    } catch (error) {
      if (!(error instanceof ProblemError && TELLING.includes(error.problem.status))) throw error;
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
      rateLimit: 'sign-in',
      admit: () => admit,
      handle: (input) => unlessInvalid(() => act(input)),
    },
  ] satisfies Page[];
}
