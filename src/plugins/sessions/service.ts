import { type Clock, epochSeconds, type Random } from '../../kernel/clock.ts';
import type { Events } from '../../kernel/events.ts';
import type { OidcEngine } from '../../kernel/oidc.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { GrantOwner, GrantService } from '../grants/contract.ts';
import type { KnownBrowserService } from '../known-browsers/contract.ts';
import type { RevocationService } from '../revocations/contract.ts';
import {
  type Alongside,
  RefreshReplayed,
  SessionEnded,
  type SessionService,
  SessionStarted,
} from './contract.ts';
import { describeDevice } from './describe-device.ts';
import type { EndedRow, SessionModel } from './model.ts';

/** Seconds for which a sign-in proves that the person is there. */
const RECENT = 300;

interface Dependencies {
  readonly sessions: SessionModel;
  readonly grants: GrantService;
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
  /** Sessions a user may have. */
  readonly limit: number;
}

interface EndOptions {
  readonly told?: readonly string[] | undefined;
  readonly alongside?: Alongside;
  readonly keepOffline?: boolean;
}

interface Ended {
  readonly rows: readonly EndedRow[];
  readonly owners: readonly GrantOwner[];
}

export function createSessionService(dependencies: Dependencies): SessionService {
  const { sessions, grants, revocations, oidc, events, clock, random, log } = dependencies;
  const now = (): Date => new Date(clock.now());
  /** A use is written down at most once a minute. */
  const unusedSince = (): Date => new Date(clock.now() - (dependencies.idleTtl + 60) * 1000);
  const oldest = (): Date => new Date(clock.now() - dependencies.lifetime * 1000);

  /** The fence has fallen and holds; what follows only makes the end felt sooner. */
  const announce = async (
    { rows, owners }: Ended,
    reason: string,
    told: readonly string[] = [],
  ) => {
    for (const { id: uid, user_id: userId } of rows) {
      const clients = clientsOf(uid, owners).filter((client) => !told.includes(client));
      await oidc.closeSession({ uid, userId, clients }).catch((error: unknown) => {
        log.warn(
          { event: 'session.close_failed', sid: uid, err: error },
          'live record not deleted',
        );
      });
      events.emit(SessionEnded, { sessionId: uid, userId, reason });
    }
  };

  /** `alongside` commits with it, and comes last. */
  const endWith = async (
    uid: string,
    reason: string,
    { told, alongside, keepOffline = true }: EndOptions = {},
  ): Promise<void> => {
    const ended = await revocations.transaction(async (transaction, deny) => {
      const rows = await sessions.end(uid, reason, now(), transaction);
      const filter = { sessionId: uid, keepOffline };
      const owners = await grants.endAll(filter, reason, transaction, deny);
      for (const row of rows) await sessions.setLogoutDate(row, now(), transaction);
      deny({ sid: uid });
      await alongside?.(transaction, deny);
      return { rows, owners };
    });
    await announce(ended, reason, told);
  };

  const end: SessionService['end'] = (uid, reason, told) => endWith(uid, reason, { told });

  /** Makes room for a new session: those unused longest go, never the new one (SEC-85). */
  const evict = async (userId: string, newest: string): Promise<void> => {
    const ids = await sessions.surplus(userId, newest, dependencies.limit);
    for (const id of ids) await end(id, 'too many sessions');
  };

  return {
    end,
    revoke: (uid, reason) => endWith(uid, reason, { keepOffline: false }),

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
      await evict(userId, uid);
      events.emit(SessionStarted, { sessionId: uid, userId });
      const user = { id: userId, credentialsVersion };
      const known = await dependencies.knownBrowsers.remember(user, client.request);
      return { session, cookies: [cookie, ...known] };
    },

    async reauthenticated(uid, authTime) {
      await sessions.setAuthTime(uid, new Date(authTime * 1000));
      await oidc.touchSession(uid, authTime);
    },

    async endAll(userId, reason, { except, alongside, afterwards } = {}) {
      const ended = await revocations.transaction(async (transaction, deny) => {
        await alongside?.(transaction, deny);
        const rows = await sessions.endAll(userId, { reason, at: now(), except }, transaction);
        const others = except === undefined ? {} : { exceptSessionId: except };
        const owners = await grants.endAll({ userId, ...others }, reason, transaction, deny);
        for (const row of rows) {
          await sessions.setLogoutDate(row, now(), transaction);
          deny({ sid: row.id });
        }
        await afterwards?.(transaction, deny);
        return { rows, owners };
      });
      await announce(ended, reason);
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
      if (sessionId) await endWith(sessionId, reason, { alongside });
      else await grants.end(grantId, reason);
      log.warn({ event: 'refresh_token.replayed', sub: userId, sid: sessionId }, reason);
      events.emit(RefreshReplayed, { grantId, userId, sessionId });
    },
  };
}

/** Who was signed in through a session, each once. */
const clientsOf = (uid: string, owners: readonly GrantOwner[]): string[] => [
  ...new Set(owners.filter(({ sessionId }) => sessionId === uid).map(({ clientId }) => clientId)),
];
