/** What each statement did to the rows of some tables: for tests that no statement and no transaction grows with the data. */
import { expect } from 'chai';
import { atMost } from '../../src/kernel/at-most.ts';
import { BATCH } from '../../src/kernel/in-batches.ts';
import type { Database, Statement, Transaction } from '../../src/kernel/store.ts';
import type { Storage } from '../../src/storage/open-storage.ts';

type Counts = Readonly<Record<string, number>>;

/** Counts are by table. */
export interface StatementWork {
  /** Its name; `COMMIT` for all that a transaction did, foreign keys and statements of the ORM with it. */
  readonly statement: string;
  /** Rows that it answered with, or entries of what the transaction resolved to. */
  readonly rows: number;
  /** Rows that it inserted, updated or deleted. */
  readonly changed: Counts;
  /** Rows that its transaction has locked by now. */
  readonly locked: Counts;
}

export interface WorkWatch {
  /** For `wrapStorage`. */
  readonly wrap: (storage: Storage) => Storage;
  /** What the work did. Everything else of the server should rest meanwhile. */
  during(work: () => Promise<unknown>): Promise<readonly StatementWork[]>;
}

/** Means something where nothing else uses the tables. */
export function watchWork(tables: readonly string[]): WorkWatch {
  let seen: StatementWork[] | undefined;
  // To count locks, rows are locked: two that count at once would count each other's.
  const alone = atMost(1);

  const watched = (db: Database): Pick<Database, 'query' | 'transaction'> => {
    const note = async <Result>(
      statement: string,
      transaction: Transaction,
      work: () => Promise<Result>,
    ): Promise<Result> => {
      const before = await countChanges(db, tables, transaction);
      const result = await work();
      const after = await countChanges(db, tables, transaction);
      seen?.push({
        statement,
        rows: Array.isArray(result) ? result.length : 0,
        changed: byTable(tables, (table) => (after[table] ?? 0) - (before[table] ?? 0)),
        locked: await alone(() => countLocked(db, tables)),
      });
      return result;
    };

    const query: Database['query'] = async (statement, values, transaction) => {
      if (!seen) return db.query(statement, values, transaction);
      if (!transaction) return db.transaction((own) => query(statement, values, own));
      return note(statement.name, transaction, () => db.query(statement, values, transaction));
    };

    const transaction: Database['transaction'] = (work) =>
      seen ? db.transaction((own) => note('COMMIT', own, () => work(own))) : db.transaction(work);
    return { query, transaction };
  };

  return {
    wrap: (storage) => ({ ...storage, db: { ...storage.db, ...watched(storage.db) } }),
    async during(work) {
      const statements: StatementWork[] = [];
      seen = statements;
      await work().finally(() => {
        seen = undefined;
      });
      return statements;
    },
  };
}

/** No statement and no transaction answers with, changes or locks more than one batch of rows of a table. */
export function expectBatches(work: readonly StatementWork[], size = BATCH): void {
  for (const { statement, rows, changed, locked } of work) {
    expect(rows, `rows of ${statement}`).to.be.at.most(size);
    for (const [table, count] of [...Object.entries(changed), ...Object.entries(locked)]) {
      expect(count, `${statement}: rows of ${table}`).to.be.at.most(size);
    }
  }
}

/** Rows of a table that the transactions changed, one after another; those that changed none are left out. */
export const batchesOf = (work: readonly StatementWork[], table: string): number[] =>
  work
    .filter(({ statement }) => statement === 'COMMIT')
    .map(({ changed }) => changed[table] ?? 0)
    .filter((count) => count > 0);

function byTable(tables: readonly string[], count: (table: string) => number): Counts {
  return Object.fromEntries(tables.map((table) => [table, count(table)]));
}

const CHANGES: Statement = {
  name: 'test-changes',
  text: `SELECT relname AS table, (n_tup_ins + n_tup_upd + n_tup_del)::int AS count
    FROM pg_stat_xact_user_tables WHERE relname = ANY($1::text[])`,
};

async function countChanges(
  db: Database,
  tables: readonly string[],
  transaction: Transaction,
): Promise<Counts> {
  const rows = await db.query<{ table: string; count: number }>(CHANGES, [tables], transaction);
  return Object.fromEntries(rows.map(({ table, count }) => [table, count]));
}

/** By another connection: those that it would have to wait for. */
async function countLocked(db: Database, tables: readonly string[]): Promise<Counts> {
  const counts: Record<string, number> = {};
  for (const table of tables) {
    const [row] = await db.query<{ count: number }>(
      {
        name: `test-locked-${table}`,
        text: `SELECT (SELECT count(*) FROM ${table})::int
          - (SELECT count(*) FROM (SELECT FROM ${table} FOR UPDATE SKIP LOCKED) AS free)::int AS count`,
      },
      [],
    );
    counts[table] = row?.count ?? 0;
  }
  return counts;
}
