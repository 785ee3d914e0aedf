import { atMost } from '../../kernel/at-most.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Events } from '../../kernel/events.ts';
import { BATCH, inBatches } from '../../kernel/in-batches.ts';
import type { OidcEngine } from '../../kernel/oidc.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { Transaction } from '../../kernel/store.ts';
import { MoreThanABatch, wholeOrBatches } from '../../kernel/whole-or-batches.ts';
import type { GrantFilter, GrantOwner, GrantService } from '../grants/contract.ts';
import type { Deny, RevocationService } from '../revocations/contract.ts';
import { type Alongside, SessionEnded, type SessionService } from './contract.ts';
import type { EndedRow, SessionModel } from './model.ts';

/** Sessions that end in one batch: with each some grants may end, and all of these are denied together. */
export const SESSION_BATCH = BATCH / 2;
/** Live records that are deleted at the same time. */
const AT_ONCE = 20;

interface Dependencies {
  readonly sessions: Pick<SessionModel, 'end' | 'endAll' | 'setLogoutDates'>;
  readonly grants: Pick<GrantService, 'endAll' | 'endInBatches'>;
  readonly revocations: Pick<RevocationService, 'transaction'>;
  readonly oidc: Pick<OidcEngine, 'closeSession'>;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Log;
}

interface EndOptions {
  readonly told?: readonly string[] | undefined;
  /** Commits with it, and comes before it. */
  readonly first?: Alongside;
  readonly alongside?: Alongside;
  readonly keepOffline?: boolean;
}

export type SessionEnds = ReturnType<typeof createSessionEnds>;

interface Ended {
  readonly rows: readonly EndedRow[];
  readonly owners: readonly GrantOwner[];
}

/** Ends sessions with their grants: a batch of each in one transaction, and as many as there are a batch at a time. */
export function createSessionEnds(dependencies: Dependencies) {
  const { sessions, grants, revocations, oidc, events, clock, log } = dependencies;
  const now = (): Date => new Date(clock.now());

  /** One transaction that denies at most a batch, else throws `MoreThanABatch`. */
  const aBatch: RevocationService['transaction'] = (work) =>
    revocations.transaction((transaction, denyOne) => {
      let denied = 0;
      return work(transaction, (revocation) => {
        denied += 1;
        if (denied > BATCH) throw new MoreThanABatch();
        denyOne(revocation);
      });
    });

  const announceOne = async (
    { id: uid, user_id: userId }: EndedRow,
    clients: readonly string[],
    reason: string,
  ): Promise<void> => {
    await oidc.closeSession({ uid, userId, clients }).catch((error: unknown) => {
      log.warn({ event: 'session.close_failed', sid: uid, err: error }, 'live record not deleted');
    });
    events.emit(SessionEnded, { sessionId: uid, userId, reason });
  };

  /** The fence has fallen and holds; what follows only makes the end felt sooner. */
  const announce = async (
    { rows, owners }: Ended,
    reason: string,
    told: readonly string[] = [],
  ): Promise<void> => {
    const clients = clientsBySession(owners);
    const inTurn = atMost(AT_ONCE);
    await Promise.all(
      rows.map((row) =>
        inTurn(() => {
          const its = [...(clients.get(row.id) ?? [])].filter((client) => !told.includes(client));
          return announceOne(row, its, reason);
        }),
      ),
    );
  };

  const deny = async (
    rows: readonly EndedRow[],
    transaction: Transaction,
    denyOne: Deny,
  ): Promise<void> => {
    await sessions.setLogoutDates(rows, now(), transaction);
    for (const { id: sid } of rows) denyOne({ sid });
  };

  /** At most SESSION_BATCH sessions. `first` and `alongside` commit with it, and come first and last. */
  const endThese = async (
    uids: readonly string[],
    reason: string,
    { told, first, alongside, keepOffline = true }: EndOptions = {},
  ): Promise<void> => {
    const filter = { sessionId: uids, keepOffline };
    let before: readonly GrantOwner[] = [];
    const whole = (): Promise<Ended> =>
      aBatch(async (transaction, denyOne) => {
        await first?.(transaction, denyOne);
        const rows = await sessions.end(uids, reason, now(), transaction);
        const owners = await grants.endAll(filter, reason, transaction, denyOne);
        await sessions.setLogoutDates(rows, now(), transaction);
        // Also of those that had ended: whoever asks again is not less sure.
        for (const sid of uids) denyOne({ sid });
        await alongside?.(transaction, denyOne);
        return { rows, owners };
      });
    const { rows, owners } = await wholeOrBatches(whole, async () => {
      before = [...before, ...(await grants.endInBatches(filter, reason))];
    });
    await announce({ rows, owners: [...before, ...owners] }, reason, told);
  };

  /** Grants before sessions, and with a session those that it got meanwhile: none outlives its session. */
  const endAllInBatches = async (
    userId: string,
    reason: string,
    except: string | undefined,
  ): Promise<readonly GrantOwner[]> => {
    const filter = grantsOf(userId, except);
    const before = [...(await grants.endInBatches(filter, reason))];
    const endSome = (limit: number) =>
      aBatch(async (transaction, denyOne) => {
        const options = { reason, at: now(), except, limit };
        const { rows, isMore } = await sessions.endAll(userId, options, transaction);
        const its = { sessionId: rows.map(({ id }) => id) };
        const owners = await grants.endAll(its, reason, transaction, denyOne);
        await deny(rows, transaction, denyOne);
        return { rows, owners, isMore };
      });
    await inBatches(async (limit) => {
      const { rows, owners, isMore } = await wholeOrBatches(
        () => endSome(limit),
        async () => void before.push(...(await grants.endInBatches(filter, reason))),
      );
      await announce({ rows, owners: [...before, ...owners] }, reason);
      return isMore ? limit : 0;
    }, SESSION_BATCH);
    return before;
  };

  const endAll: SessionService['endAll'] = async (
    userId,
    reason,
    { except, alongside, inBatches: around, afterwards } = {},
  ) => {
    let before: readonly GrantOwner[] = [];
    const whole = (): Promise<Ended> =>
      aBatch(async (transaction, denyOne) => {
        await alongside?.(transaction, denyOne);
        const options = { reason, at: now(), except, limit: BATCH };
        const { rows, isMore } = await sessions.endAll(userId, options, transaction);
        if (isMore) throw new MoreThanABatch();
        const filter = grantsOf(userId, except);
        const owners = await grants.endAll(filter, reason, transaction, denyOne);
        await deny(rows, transaction, denyOne);
        await afterwards?.(transaction, denyOne);
        return { rows, owners };
      });
    const endThem = async (): Promise<void> => {
      before = await endAllInBatches(userId, reason, except);
    };
    const { rows, owners } = await wholeOrBatches(whole, () =>
      around ? around(endThem) : endThem(),
    );
    await announce({ rows, owners: [...before, ...owners] }, reason);
  };

  return { endThese, endAll };
}

const grantsOf = (userId: string, except: string | undefined): GrantFilter =>
  except === undefined ? { userId } : { userId, exceptSessionId: except };

/** Who was signed in through each session. */
function clientsBySession(owners: readonly GrantOwner[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { sessionId, clientId } of owners) {
    if (sessionId === null) continue;
    const clients = found.get(sessionId) ?? new Set();
    found.set(sessionId, clients.add(clientId));
  }
  return found;
}
