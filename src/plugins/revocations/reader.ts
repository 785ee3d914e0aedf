import type { LocalDenylist } from './denylist.ts';
import type { Journal } from './journal.ts';
import type { RevocationModel } from './model.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { endOf, horizonOf, isBeyond } from './position.ts';

export interface ReaderDependencies {
  readonly revocations: Pick<RevocationModel, 'changes' | 'sweep'>;
  readonly denylist: LocalDenylist;
  readonly journal: Journal;
}

export interface Reader {
  /** Learns and tells all that was committed since the last read. Throws `StoreUnavailable`. */
  read(): Promise<void>;
  /** Forgets and deletes what no longer matters, as of the last read. Throws `StoreUnavailable`. */
  tidy(): Promise<void>;
}

export function createReader(dependencies: ReaderDependencies): Reader {
  const { revocations, denylist, journal } = dependencies;
  /** All that was seen so far. */
  let snapshot: string | undefined;
  let lastRead = 0;

  /** What an older snapshot cannot be compared with is read from the beginning: another server has taken over. */
  const beginReading = async () => {
    const first = await revocations.changes(snapshot);
    const isRestart = snapshot !== undefined && endOf(first.snapshot) < endOf(snapshot);
    const since = isRestart ? undefined : snapshot;
    return { isRestart, since, first: isRestart ? await revocations.changes(since) : first };
  };

  return {
    read: oneAtATime(async () => {
      const { isRestart, since, first } = await beginReading();
      // Later pages may see more, but not all that lies before it: that comes with the next read.
      const { snapshot: seen, now } = first;
      for (let page = first; ; page = await revocations.changes(since, page.next)) {
        const { changes, next } = page;
        const isLast = next === undefined || isBeyond(next.xid, seen);
        denylist.add(changes);
        // Followers are past it with the last page: who is cut off before has to get all of it again.
        const horizon = isLast ? horizonOf(seen) : 0n;
        if (changes.length > 0) journal.tell({ changes, horizon, isRestart });
        if (isLast) break;
      }
      snapshot = seen;
      lastRead = now;
    }),

    async tidy() {
      denylist.prune(lastRead);
      await revocations.sweep(lastRead);
    },
  };
}
