import { type Clock, epochSeconds, type Random } from '../../kernel/clock.ts';
import type { Events } from '../../kernel/events.ts';
import type { OidcEngine } from '../../kernel/oidc.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { Transaction } from '../../kernel/store.ts';
import type { GrantService } from '../grants/contract.ts';
import type { KnownBrowserService } from '../known-browsers/contract.ts';
import type { RevocationService } from '../revocations/contract.ts';
import { createBeginSession } from './begin-session.ts';
import {
  type Alongside,
  RefreshReplayed,
  type SessionService,
  SessionStarted,
} from './contract.ts';
import type { SessionEnds } from './end-sessions.ts';
import type { Eviction } from './evict-sessions.ts';
import type { SessionModel } from './model.ts';

/** Seconds for which a sign-in proves that the person is there. */
const RECENT = 300;

interface Dependencies {
  readonly sessions: SessionModel;
  readonly grants: Pick<GrantService, 'end' | 'endAll' | 'ownerOf'>;
  readonly revocations: RevocationService;
  readonly knownBrowsers: Pick<KnownBrowserService, 'remember'>;
  readonly oidc: OidcEngine;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Seconds a session may live at most. */
  readonly lifetime: number;
  /** Seconds a session may go unused. */
  readonly idleTtl: number;
  readonly ends: SessionEnds;
  readonly eviction: Pick<Eviction, 'makeRoom'>;
}

export function createSessionService(dependencies: Dependencies): SessionService {
  const { sessions, grants, revocations, oidc, events, clock, log } = dependencies;
  const now = (): Date => new Date(clock.now());
  /** A use is written down at most once a minute. */
  const unusedSince = (): Date => new Date(clock.now() - (dependencies.idleTtl + 60) * 1000);
  const oldest = (): Date => new Date(clock.now() - dependencies.lifetime * 1000);

  const { endThese, endAll } = dependencies.ends;
  const end: SessionService['end'] = (uid, reason, told) => endThese([uid], reason, { told });

  const begin = createBeginSession({ ...dependencies, endThese });

  const proved = (uid: string, authTime: number, transaction?: Transaction): Promise<void> =>
    sessions.setAuthTime(uid, new Date(authTime * 1000), transaction);

  /** The row decides what is recent; with an older live record the person is asked once more, at worst. */
  const touch = async (uid: string, authTime: number): Promise<void> => {
    await oidc.touchSession(uid, authTime).catch((error: unknown) => {
      log.warn({ event: 'session.not_kept_alive', sid: uid, err: error }, 'not kept alive');
    });
  };

  return {
    end,
    endAll,
    revoke: (uid, reason) => endThese([uid], reason, { keepOffline: false }),

    async renewCookie(uid, { authTime, alongside } = {}) {
      const current = await sessions.cookieVersion(uid, oldest());
      if (current === undefined) return undefined;
      // The new one is there before the former ones stop to count, so that a failure leaves one that leads somewhere.
      const cookie = await oidc.reopenSession(uid, current + 1);
      const version = await revocations.transaction(async (transaction, deny) => {
        const renewed = await sessions.renewCookies(uid, transaction);
        if (renewed === undefined) return undefined;
        if (authTime !== undefined) await proved(uid, authTime, transaction);
        await alongside?.(transaction, deny);
        return renewed;
      });
      if (version === undefined) return undefined;
      if (authTime !== undefined) await touch(uid, authTime);
      // Another request renewed it as well, and was first.
      return version === current + 1 ? cookie : oidc.reopenSession(uid, version);
    },

    async isAlive(uid) {
      return (await sessions.cookieVersion(uid, oldest())) !== undefined;
    },
    cookieVersion: (uid) => sessions.cookieVersion(uid, oldest()),
    async isRecent(uid) {
      const authTime = await sessions.authTime(uid, oldest());
      return authTime !== undefined && epochSeconds(clock) - authTime <= RECENT;
    },
    list: (userId) => sessions.list(userId, oldest(), unusedSince()),
    history: (userId, { before, limit }) => sessions.history(userId, before, limit),
    seen: (sessionId) => sessions.seen(sessionId, now()),

    async start(signIn) {
      const begun = await begin(signIn);
      if (!begun) return undefined;
      const { session, cookie } = begun;
      const { uid, userId } = session;
      // From here on it is there: nothing that follows may fail it.
      await dependencies.eviction.makeRoom(userId, uid).catch((error: unknown) => {
        const fields = { event: 'session.surplus_not_ended', sub: userId, err: error };
        log.warn(fields, 'sessions above the limit live on until the next sign-in');
      });
      events.emit(SessionStarted, { sessionId: uid, userId });
      const user = { id: userId, credentialsVersion: signIn.credentialsVersion };
      const known = await dependencies.knownBrowsers.remember(user, signIn.request);
      return { session, cookies: [cookie, ...known] };
    },

    async reauthenticated(uid, authTime) {
      await proved(uid, authTime);
      await touch(uid, authTime);
    },

    async refreshReplayed(grantId) {
      const owner = await grants.ownerOf(grantId);
      if (!owner) return;
      const { userId, sessionId } = owner;
      const reason = 'refresh token replayed';
      // The end of a session spares a grant for use without one. Both or neither: else the next replay would be none.
      const alongside: Alongside = async (transaction, deny) => {
        await grants.endAll({ grantId }, reason, transaction, deny);
      };
      if (sessionId) await endThese([sessionId], reason, { alongside });
      else await grants.end(grantId, reason);
      log.warn({ event: 'refresh_token.replayed', sub: userId, sid: sessionId }, reason);
      events.emit(RefreshReplayed, { grantId, userId, sessionId });
    },
  };
}
