import type { CookieChange, RequestInfo } from '../../kernel/route.ts';
import { defineService } from '../../kernel/service.ts';

/** Signs a browser in at the cookie REST API, for who proved who they are in a way that is no password of ours. */
export interface BrowserSignIn {
  /**
   * The session, grant and cookies of a REST login; a session that the browser had ends. `amr`: RFC 8176, shown in the
   * login history. Undefined when the user may not sign in any more.
   */
  signIn(
    userId: string,
    how: { readonly amr: readonly string[]; readonly request: RequestInfo },
  ): Promise<readonly CookieChange[] | undefined>;
}

export const BrowserSignIns = defineService<BrowserSignIn>('browser-sign-ins');
