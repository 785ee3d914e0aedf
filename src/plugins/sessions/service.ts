import { type Clock, epochSeconds, type Random } from '../../kernel/clock.ts';
import type { Events } from '../../kernel/events.ts';
import type { OidcEngine } from '../../kernel/oidc.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { GrantService } from '../grants/contract.ts';
import type { KnownBrowserService } from '../known-browsers/contract.ts';
import type { RevocationService } from '../revocations/contract.ts';
import {
  type Alongside,
  RefreshReplayed,
  type SessionService,
  SessionStarted,
} from './contract.ts';
import { describeDevice } from './describe-device.ts';
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
  const { sessions, grants, revocations, oidc, events, clock, random, log } = dependencies;
  const now = (): Date => new Date(clock.now());
  /** A use is written down at most once a minute. */
  const unusedSince = (): Date => new Date(clock.now() - (dependencies.idleTtl + 60) * 1000);
  const oldest = (): Date => new Date(clock.now() - dependencies.lifetime * 1000);

  const { endThese, endAll } = dependencies.ends;
  const end: SessionService['end'] = (uid, reason, told) => endThese([uid], reason, { told });

  return {
    end,
    endAll,
    revoke: (uid, reason) => endThese([uid], reason, { keepOffline: false }),

    async renewCookie(uid, alongside) {
      const version = await revocations.transaction(async (transaction, deny) => {
        const renewed = await sessions.renewCookies(uid, transaction);
        if (renewed !== undefined) await alongside?.(transaction, deny);
        return renewed;
      });
      return version === undefined ? undefined : oidc.reopenSession(uid, version);
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

    async start({ userId, credentialsVersion, amr, authTime = epochSeconds(clock), ...client }) {
      const uid = random.token();
      const device = describeDevice(client.userAgent);
      const historyId = random.uuid();
      const row = { id: uid, historyId, userId, credentialsVersion, amr, device, ip: client.ip };
      const authenticatedAt = new Date(authTime * 1000);
      if (!(await sessions.insert({ ...row, authenticatedAt, at: now() }))) return undefined;
      const session = { uid, userId, amr, authTime };
      const cookie = await oidc.openSession(session);
      await dependencies.eviction.makeRoom(userId, uid);
      events.emit(SessionStarted, { sessionId: uid, userId });
      const user = { id: userId, credentialsVersion };
      const known = await dependencies.knownBrowsers.remember(user, client.request);
      return { session, cookies: [cookie, ...known] };
    },

    async reauthenticated(uid, authTime) {
      await sessions.setAuthTime(uid, new Date(authTime * 1000));
      await oidc.touchSession(uid, authTime);
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
