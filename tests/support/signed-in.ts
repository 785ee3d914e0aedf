/** Somebody who is signed in wherever one can be. */
import type { User } from '../../src/plugins/users/contract.ts';
import type { Browser } from './browser.ts';
import { type Tokens, tokensOf } from './cookie-api.ts';
import { createUser, login } from './people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from './relying-party.ts';
import type { TestApp } from './test-app.ts';

export interface SignedIn {
  readonly user: User;
  readonly browser: Browser;
  /** Those of the cookie API. */
  readonly cookies: Tokens;
  /** A client of their own. */
  readonly rp: RelyingParty;
  /** It has been redeemed. */
  readonly code: string;
  /** What the client got for it. */
  readonly oidc: Tokens;
}

/** A user in a browser, and a client signed in through it. */
export async function signInWithClient(app: TestApp): Promise<SignedIn> {
  const user = await createUser(app);
  const browser = app.browser();
  const cookies = tokensOf(await login(browser, user));
  const rp = await createRelyingParty(app);
  const code = codeOf(await rp.authorize(browser));
  const { body } = await rp.redeem(code);
  const oidc = { access: body.access_token ?? '', refresh: body.refresh_token ?? '' };
  return { user, browser, cookies, rp, code, oidc };
}
