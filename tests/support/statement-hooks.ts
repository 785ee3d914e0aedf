/** Steps in right before or right after a named prepared statement: where races are decided. */
import type { Database, Transaction } from '../../src/kernel/store.ts';
import type { Storage } from '../../src/storage/open-storage.ts';

type Moment = 'before' | 'after';

/** Gets the transaction of the statement, if it has one. */
type Act = (transaction: Transaction | undefined) => unknown;

/** A request that waits for the test. */
export interface Hold {
  /** Resolves when a request has come to that point. */
  readonly reached: Promise<void>;
  release(): void;
}

export interface StatementHooks {
  /** For `wrapStorage`. */
  readonly wrap: (storage: Storage) => Storage;
  /** Does something at the next such moment, or at the `nth`; the statement fails with what it throws. */
  once(moment: Moment, statement: string, act: Act, nth?: number): void;
  /** The next request that comes to that point stays there until it is released. */
  hold(moment: Moment, statement: string): Hold;
}

export function createStatementHooks(): StatementHooks {
  const hooks = new Map<string, Act>();
  const pass = async (
    moment: Moment,
    statement: string,
    transaction: Transaction | undefined,
  ): Promise<void> => {
    const key = `${moment} ${statement}`;
    const act = hooks.get(key);
    hooks.delete(key);
    await act?.(transaction);
  };

  const hooked = (db: Database): Database['query'] =>
    async function query(statement, values, transaction) {
      await pass('before', statement.name, transaction);
      const rows = await db.query(statement, values, transaction);
      await pass('after', statement.name, transaction);
      return rows as never;
    };

  const once: StatementHooks['once'] = (moment, statement, act, nth = 1) => {
    const later = () => once(moment, statement, act, nth - 1);
    hooks.set(`${moment} ${statement}`, nth === 1 ? act : later);
  };

  return {
    wrap: (storage) => ({ ...storage, db: { ...storage.db, query: hooked(storage.db) } }),
    once,
    hold(moment, statement) {
      const reached = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      once(moment, statement, () => {
        reached.resolve();
        return released.promise;
      });
      return { reached: reached.promise, release: released.resolve };
    },
  };
}
