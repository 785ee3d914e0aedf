import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import type { OidcEngine } from '../../kernel/oidc.ts';
import type { CoreSettings, Log } from '../../kernel/plugin.ts';
import type { ProblemError } from '../../kernel/problem.ts';
import type { CookieChange, Principal, RequestInfo } from '../../kernel/route.ts';
import {
  type BrowserSessionService,
  SIGNED_OUT,
  type TokenPair,
} from '../browser-sessions/contract.ts';
import type { EmailLinkService, RegistrationRequest } from '../email-links/contract.ts';
import type { RoleService } from '../roles/contract.ts';
import type { SessionService } from '../sessions/contract.ts';
import type { User, UserService } from '../users/contract.ts';
import { problems } from './problems.ts';
import type { Refresh } from './refresh.ts';

export interface AccountDependencies {
  readonly browsers: BrowserSessionService;
  readonly oidc: OidcEngine;
  readonly clock: Clock;
  readonly users: UserService;
  readonly roles: RoleService;
  readonly sessions: SessionService;
  readonly refresh: Refresh;
  readonly log: Log;
  readonly emailLinks: Pick<EmailLinkService, 'register'>;
  readonly registration: CoreSettings['registration'];
  /** Seconds. */
  readonly sessionIdleTtl: number;
}

export type AccountService = ReturnType<typeof createAccountService>;

/** What a sign-in or refresh leads to. */
export interface SignedIn {
  readonly profile: Profile;
  readonly pair: TokenPair;
  readonly cookies: readonly CookieChange[];
}

export interface Profile {
  readonly user: User;
  readonly roles: readonly string[];
}

/** Register, sign in, refresh and sign out with cookies; the user's own profile. */
export function createAccountService(dependencies: AccountDependencies) {
  const { users, roles, sessions, browsers, oidc, clock, log } = dependencies;

  const profileOf = async (user: User): Promise<Profile> => ({
    user,
    roles: await roles.namesOf(user.id),
  });

  /** The user behind a token: gone or disabled means signed out. */
  const activeUser = async (userId: string): Promise<User> => {
    const user = await users.find(userId);
    if (!user || user.disabledAt) throw problems.refreshRejected();
    return user;
  };

  const refusal = ({ id }: RequestInfo): ProblemError => {
    log.warn({ event: 'login.refused', request_id: id }, 'login refused');
    return problems.invalidCredentials();
  };

  return {
    profile: async (userId: string): Promise<Profile> => profileOf(await activeUser(userId)),

    /** Undefined under REGISTRATION=strict: whoever reads the mail of the address goes on. */
    async register(registration: RegistrationRequest): Promise<Profile | undefined> {
      if (dependencies.registration === 'closed') throw problems.registrationClosed();
      const user = await dependencies.emailLinks.register(registration);
      return user && profileOf(user);
    },

    async login(email: string, password: string, request: RequestInfo): Promise<SignedIn> {
      const user = await users.authenticate(email, password, { request });
      if (!user) throw refusal(request);
      const { id, credentialsVersion } = user;
      const started = await browsers.start(id, { amr: ['pwd'], credentialsVersion, request });
      if (!started) throw refusal(request);
      return { profile: { user, roles: started.pair.roles }, ...started };
    },

    async refresh(request: RequestInfo): Promise<SignedIn> {
      const session = request.cookie('session');
      const presented = { refresh: request.cookieValues('refresh'), session };
      const refreshed = await dependencies.refresh(presented, activeUser);
      const { pair, extra: user, cookie } = refreshed;
      const maxAge = dependencies.sessionIdleTtl;
      const kept: CookieChange = { name: 'session', value: cookie, maxAge };
      return {
        profile: { user, roles: pair.roles },
        pair,
        cookies: [kept, ...browsers.tokenCookies(pair)],
      };
    },

    /** Idempotent. The session is known by its cookie, or by an access token, were it expired. */
    async logout(request: RequestInfo): Promise<readonly CookieChange[]> {
      const session = await oidc.currentSession(request.exchange);
      const access = bearerOf(request) ?? request.cookie('access');
      const uid = session?.uid ?? (access && (await oidc.sessionOfToken(access)));
      if (uid) await sessions.end(uid, 'logout');
      return SIGNED_OUT;
    },

    /** Copies of the former cookies have no part in the new proof. */
    async reauthenticate(
      { sub: userId, sid: uid, clientId }: Principal,
      password: string,
      request: RequestInfo,
    ): Promise<readonly CookieChange[]> {
      const isRight = await users.verifyPassword(userId, password, { request, sessionId: uid });
      if (!isRight) throw problems.invalidCredentials();
      if (!uid) return [];
      const isBrowser = clientId === oidc.restClient.id;
      const authTime = epochSeconds(clock);
      if (isBrowser) return browsers.renew({ userId, uid }, request, authTime);
      await sessions.reauthenticated(uid, authTime);
      return [];
    },

    async updateProfile(
      userId: string,
      changes: { name?: string | null | undefined; locale?: string | null | undefined },
    ): Promise<Profile> {
      return profileOf(await users.update(userId, changes));
    },
  };
}

const bearerOf = ({ exchange }: RequestInfo): string | undefined =>
  /^Bearer (\S+)$/i.exec(exchange.req.headers.authorization ?? '')?.[1];
