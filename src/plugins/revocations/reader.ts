import type { LocalDenylist } from './denylist.ts';
import type { Journal } from './journal.ts';
import type { RevocationModel } from './model.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { endOf, horizonOf } from './position.ts';

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
  const findChanges = async () => {
    const found = await revocations.changes(snapshot);
    const isRestart = snapshot !== undefined && endOf(found.snapshot) < endOf(snapshot);
    return { ...(isRestart ? await revocations.changes(undefined) : found), isRestart };
  };

  return {
    read: oneAtATime(async () => {
      const { changes, isRestart, ...found } = await findChanges();
      snapshot = found.snapshot;
      lastRead = found.now;
      denylist.add(changes);
      const horizon = horizonOf(snapshot);
      if (changes.length > 0) journal.tell({ changes, horizon, isRestart });
    }),

    async tidy() {
      denylist.prune(lastRead);
      await revocations.sweep(lastRead);
    },
  };
}
