/** The form for name and password. Who comes from an authorization request goes back into it. */
import type { Page, PageInput, PageReply } from '../../src/kernel/route.ts';
import type { FederationService } from '../../src/plugins/federation/contract.ts';
import type { RateLimits } from '../../src/plugins/rate-limit/contract.ts';
import type { DirectoryService } from './directory.ts';

interface Dependencies {
  readonly directory: Pick<DirectoryService, 'bind'>;
  readonly federation: Pick<FederationService, 'complete'>;
  readonly limits: Pick<RateLimits, 'account'>;
  readonly label: string;
  readonly issuer: string;
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
}

export const PROVIDER = 'directory';
const PATH = `/oauth2/${PROVIDER}/sign-in`;

export function createPages(dependencies: Dependencies): Page[] {
  const { directory, federation, limits, label, issuer, base } = dependencies;

  const form = (state: string, { csrf }: PageInput, refused?: { uid: string }): PageReply => ({
    view: '@directory/sign-in',
    status: refused ? 401 : 200,
    locals: {
      ...{ csrf, state, label, action: `${base}${PATH}`, uid: refused?.uid },
      error: refused && 'Name or password is wrong.',
    },
  });

  return [
    {
      method: 'get',
      path: PATH,
      access: { kind: 'public' },
      handle: async (input) => form(input.query['state'] ?? '', input),
    },
    {
      method: 'post',
      path: PATH,
      access: { kind: 'public' },
      rateLimit: () => 'sign-in',
      async handle(input) {
        const { state = '', uid = '', password = '' } = input.form;
        // Before anything is computed, and the same for names that do not exist.
        await limits.account(`${PROVIDER}:${uid}`);
        const person = await directory.bind(uid, password);
        if (!person) return form(state, input, { uid });
        const identity = {
          issuer,
          subject: person.uid,
          email: person.email,
          // The directory vouches for its addresses.
          emailVerified: true,
          name: person.name,
        };
        const proof = { provider: PROVIDER, state, identity };
        const reply = await federation.complete(proof, input.request);
        if (!('redirect' in reply)) return reply;
        // Chromium lets a form lead only where its page says; a link may lead anywhere.
        const { redirect: url, cookies = [] } = reply;
        return { view: '@directory/continue', locals: { url, name: person.name }, cookies };
      },
    },
  ];
}
