import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import type { Interaction, LiveSession, OidcEngine, PromptOutcome } from '../../kernel/oidc.ts';
import type { RequestInfo } from '../../kernel/route.ts';
import type { BrowserSessionService } from '../browser-sessions/contract.ts';
import type { EmailLinkService } from '../email-links/contract.ts';
import type { SessionService } from '../sessions/contract.ts';
import type { User, UserService } from '../users/contract.ts';

interface Dependencies {
  readonly users: UserService;
  readonly emailLinks: Pick<EmailLinkService, 'register'>;
  readonly sessions: SessionService;
  readonly browsers: Pick<BrowserSessionService, 'renew'>;
  readonly oidc: OidcEngine;
  readonly clock: Clock;
}

export type SignInService = ReturnType<typeof createSignInService>;

/** How somebody proved who they are, and when (seconds since 1970), if that is known. */
export interface HowProven {
  readonly amr: readonly string[];
  readonly authTime?: number | undefined;
}

const PASSWORD_NOW: HowProven = { amr: ['pwd'] };

/** Signs a person in inside an authorization request; the session is the same as after a REST login. */
export function createSignInService(dependencies: Dependencies) {
  const { users, emailLinks, sessions, browsers, oidc, clock } = dependencies;
  const now = (): number => epochSeconds(clock);
  const login = (
    accountId: string,
    { amr, ts }: { readonly amr: readonly string[]; readonly ts: number },
    replacedSession: boolean,
  ) => ({
    login: { accountId, ts, amr, replacedSession },
    select_account: {},
  });

  /** The person of this session proved again who they are: the session stays, `auth_time` and cookies are new. */
  const renew = async (
    { uid, userId }: Pick<LiveSession, 'uid' | 'userId'>,
    request: RequestInfo,
    { amr, authTime }: HowProven = PASSWORD_NOW,
  ): Promise<PromptOutcome> => {
    const ts = Math.min(now(), authTime ?? now());
    const cookies = await browsers.renew({ uid, userId }, request, ts);
    return { finish: login(userId, { amr, ts }, false), cookies };
  };

  /** Another person's session in this browser ends here, so that no two people share one (SEC-62). */
  const signInAs = async (
    { id: userId, credentialsVersion }: Pick<User, 'id'> & Partial<User>,
    request: RequestInfo,
    how: HowProven = PASSWORD_NOW,
  ): Promise<PromptOutcome | undefined> => {
    const current = await oidc.currentSession(request.exchange);
    // A provider that does not say when renews nothing (D12).
    const { amr } = how;
    if (current?.userId === userId) {
      const authTime = how.authTime ?? (how === PASSWORD_NOW ? undefined : current.authTime);
      return renew(current, request, { amr, authTime });
    }
    const authTime = Math.min(now(), how.authTime ?? now());
    const { ip, userAgent } = request;
    const started = await sessions.start({
      userId,
      credentialsVersion,
      ...{ amr, authTime, ip, userAgent, request },
      replaces: current && { uid: current.uid, reason: 'another user signed in' },
    });
    return (
      started && { finish: login(userId, { amr, ts: authTime }, true), cookies: started.cookies }
    );
  };

  return {
    /** For who proved in another way who they are. Undefined when the user cannot sign in any more. */
    signInAs,

    /** Undefined when e-mail or password is wrong, or the user cannot sign in any more. */
    async withPassword(
      email: string,
      password: string,
      request: RequestInfo,
    ): Promise<PromptOutcome | undefined> {
      const user = await users.authenticate(email, password, { request });
      return user && signInAs(user, request);
    },

    /** Undefined when the password is wrong or nobody is signed in any more. */
    async again(
      { session }: Interaction,
      password: string,
      request: RequestInfo,
    ): Promise<PromptOutcome | undefined> {
      const current = await oidc.currentSession(request.exchange);
      if (!session || current?.uid !== session.uid) return undefined;
      const proven = await users.verifyPassword(session.userId, password, {
        request,
        sessionId: session.uid,
      });
      return proven ? renew(session, request) : undefined;
    },

    /** `check-mail` under REGISTRATION=strict: nobody is signed in before the mailed link was followed. */
    async register(
      registration: { email: string; password: string; name?: string },
      request: RequestInfo,
    ): Promise<PromptOutcome | 'check-mail' | undefined> {
      const user = await emailLinks.register(registration);
      return user ? signInAs(user, request) : 'check-mail';
    },
  };
}
