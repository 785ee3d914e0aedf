/**
 * Transactions, begun and ended on the raw connection. Sequelize's own ending takes a COMMIT that
 * PostgreSQL answered with ROLLBACK for success, runs `afterCommit` hooks after a failed commit, and
 * prints to the console.
 */
import type { Client } from 'pg';
import { type Sequelize, Transaction } from 'sequelize';
import { asUnavailable, endsSession } from './database-failures.ts';
import type { DatabaseSessions } from './database-sessions.ts';
import { within } from './within.ts';

/** What Sequelize keeps on a transaction. */
interface TransactionState {
  readonly id: string;
  connection: Client & { uuid?: string | undefined };
  finished?: 'commit' | 'rollback';
  readonly _afterCommitHooks: readonly ((transaction: Transaction) => unknown)[];
}

const stateOf = (transaction: Transaction): TransactionState =>
  transaction as unknown as TransactionState;

export interface TransactionSource {
  readonly orm: Sequelize;
  readonly sessions: DatabaseSessions;
  readonly acquire: () => Promise<Client>;
  readonly giveBack: (client: Client) => void;
  /** Told of a hook that throws, rejects or takes too long, after the commit. */
  readonly onHookFault: (error: unknown) => void;
}

/** Milliseconds that one hook is waited for. */
const HOOK_PATIENCE = 5_000;

/**
 * Runs `work` in one READ COMMITTED transaction: commits what it did, or nothing of it. After the commit nothing fails any
 * more: hooks run in their order, whatever becomes of the others.
 */
export async function inTransaction<Result>(
  source: TransactionSource,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  const transaction = new Transaction(source.orm, {});
  const state = stateOf(transaction);
  state.connection = await source.acquire();
  state.connection.uuid = state.id;
  let result: Result;
  try {
    await run(source, state, 'START TRANSACTION ISOLATION LEVEL READ COMMITTED');
    result = await work(transaction);
    await commit(source, state);
  } catch (error) {
    await rollBack(source, state);
    throw asUnavailable(error);
  } finally {
    state.connection.uuid = undefined;
    source.giveBack(state.connection);
  }
  for (const hook of state._afterCommitHooks) await runHook(source, () => hook(transaction));
  return result;
}

/** Never throws: an error, a conflict too, would say of what is committed that it is not, and have it done again. */
async function runHook({ onHookFault }: TransactionSource, hook: () => unknown): Promise<void> {
  try {
    const isDone = await within(Promise.resolve(hook()), HOOK_PATIENCE);
    if (!isDone) throw new Error(`no end after ${HOOK_PATIENCE} ms`);
  } catch (error) {
    onHookFault(error);
  }
}

async function run(source: TransactionSource, state: TransactionState, sql: string) {
  try {
    return await state.connection.query(sql);
  } catch (error) {
    if (endsSession(error)) source.sessions.end(state.connection);
    throw error;
  }
}

async function commit(source: TransactionSource, state: TransactionState): Promise<void> {
  state.finished = 'commit';
  const { command } = await run(source, state, 'COMMIT');
  if (command === 'ROLLBACK') {
    throw new Error('Nothing was committed: a statement of the transaction had failed unnoticed');
  }
}

/** A connection that cannot roll back is dropped, which rolls back too; the first failure is the one to tell. */
async function rollBack(source: TransactionSource, state: TransactionState): Promise<void> {
  state.finished = 'rollback';
  if (!source.sessions.isAlive(state.connection)) return;
  await run(source, state, 'ROLLBACK').catch(() => source.sessions.end(state.connection));
}
