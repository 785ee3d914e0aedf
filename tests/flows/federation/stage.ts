/** A server with two real providers upstream, and browsers that walk between them. */
import { randomUUID } from 'node:crypto';
import { type User, Users } from '../../../src/plugins/users/contract.ts';
import type { Answer, Browser } from '../../support/browser.ts';
import { createUser } from '../../support/people.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../../support/test-app.ts';
import { startUpstream, UPSTREAM_CLIENT, type Upstream } from '../../support/upstream.ts';

export interface Stage {
  readonly app: TestApp;
  /** Stands for Google. */
  readonly google: Upstream;
  /** A generic provider: id `acme`, named "Acme Staff". */
  readonly acme: Upstream;
  close(): Promise<void>;
}

/** The settings that make these upstreams our providers. */
export const providerSettings = (google: string, acme: string): Record<string, string> => ({
  GOOGLE_CLIENT_ID: UPSTREAM_CLIENT.id,
  GOOGLE_CLIENT_SECRET: UPSTREAM_CLIENT.secret,
  GOOGLE_ISSUER: google,
  OIDC_PROVIDERS: JSON.stringify([
    {
      id: 'acme',
      name: 'Acme Staff',
      issuer: acme,
      client_id: UPSTREAM_CLIENT.id,
      client_secret: UPSTREAM_CLIENT.secret,
    },
  ]),
});

export async function startStage(options: TestAppOptions = {}): Promise<Stage> {
  const [google, acme] = await Promise.all([startUpstream(), startUpstream()]);
  const settings = { ...providerSettings(google.issuer, acme.issuer), ...options.settings };
  const app = await startTestApp({ ...options, settings });
  const callback = (id: string) => `${app.issuer}/oauth2/${id}/callback`;
  google.open({ redirectUris: [callback('google')] });
  acme.open({ redirectUris: [callback('acme')], conformIdTokenClaims: true });
  return {
    ...{ app, google, acme },
    async close() {
      await Promise.allSettled([google.close(), acme.close()]);
      await app.close();
    },
  };
}

/** Somebody new is signed in at the provider, with an address that it vouches for. */
export function newPerson(upstream: Upstream, claims: Record<string, unknown> = {}): string {
  const email = `up-${randomUUID()}@example.com`;
  upstream.person = {
    sub: `sub-${randomUUID()}`,
    claims: { email, email_verified: true, name: 'Upstream Person', ...claims },
  };
  return email;
}

/** A user with a password whose address is verified. */
export async function createVerifiedUser(app: TestApp): Promise<User> {
  const user = await createUser(app);
  await app.storage.db.transaction((transaction) =>
    app.app.use(Users).verifyEmail(user.id, user.email, transaction),
  );
  return { ...user, emailVerified: true };
}

const MOST = 25;

/** Follows redirects between the server and providers on this machine, to the first answer that is none or leaves. */
export async function walk(browser: Browser, answer: Answer): Promise<Answer> {
  let current = answer;
  for (let hop = 0; hop < MOST; hop += 1) {
    const { location } = current;
    if (location?.hostname !== '127.0.0.1') return current;
    current = await browser.request(location.href, { headers: { accept: 'text/html' } });
  }
  throw new Error(`more than ${MOST} redirects, last ${current.url}`);
}

/** As `walk`, but stops before the request that `isLast` is true for. */
export async function walkTo(
  browser: Browser,
  answer: Answer,
  isLast: (url: URL) => boolean,
): Promise<URL> {
  let current = answer;
  for (let hop = 0; hop < MOST; hop += 1) {
    const { location } = current;
    if (!location) throw new Error(`no redirect: ${current.status} ${current.text.slice(0, 800)}`);
    if (isLast(location)) return location;
    current = await browser.request(location.href, { headers: { accept: 'text/html' } });
  }
  throw new Error('too many redirects');
}

export const isCallback = ({ pathname }: URL): boolean => pathname.endsWith('/callback');

export const authorizePath = (provider: string, returnTo?: string): string =>
  `/oauth2/${provider}/authorize${returnTo === undefined ? '' : `?${new URLSearchParams({ return_to: returnTo })}`}`;

/** Signs in through REST. */
export const signInWith = async (
  browser: Browser,
  provider: string,
  returnTo?: string,
): Promise<Answer> => walk(browser, await browser.request(authorizePath(provider, returnTo)));

/** Who is signed in at the cookie API. */
export async function me(browser: Browser): Promise<Record<string, unknown> | undefined> {
  const answer = await browser.request('/auth/me');
  return answer.status === 200 ? answer.json() : undefined;
}
