import type { RequestInfo } from '../../kernel/route.ts';
import type { SessionService } from '../sessions/contract.ts';
import type { BrowserSignIn } from './contract.ts';
import { type IssueDependencies, issueFirstPair, tokenCookies } from './issue-tokens.ts';

interface Dependencies extends IssueDependencies {
  readonly sessions: SessionService;
}

interface How {
  readonly amr: readonly string[];
  /** Those that the password was checked with. */
  readonly credentialsVersion?: number;
  readonly request: RequestInfo;
}

/** A session with its first tokens, in place of the one that the browser had. Undefined for a user who may not sign in. */
export async function startSession(userId: string, how: How, parts: Dependencies) {
  const { sessions, oidc, clock } = parts;
  const { amr, credentialsVersion, request } = how;
  const previous = await oidc.currentSession(request.exchange);
  if (previous) await sessions.end(previous.uid, 'replaced by a new sign-in');
  const { ip, userAgent } = request;
  const started = await sessions.start({ userId, credentialsVersion, amr, ip, userAgent });
  const pair = started && (await issueFirstPair(started.session, parts));
  return pair && { pair, cookies: [started.cookie, ...tokenCookies(pair, clock)] };
}

export const createBrowserSignIn = (parts: Dependencies): BrowserSignIn => ({
  signIn: async (userId, how) => (await startSession(userId, how, parts))?.cookies,
});
