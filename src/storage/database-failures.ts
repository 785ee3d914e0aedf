/** Tells "PostgreSQL cannot be reached, or not in time" from every other failure. */
import { DatabaseError } from 'pg';
import { BaseError, ConnectionError } from 'sequelize';
import type { Finding } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';

/** SQLSTATE classes and codes (PostgreSQL, Appendix A) after which the same request may work later. */
const UNAVAILABLE = [
  '08', // connection exceptions
  '53', // insufficient resources: disk full, out of memory, too many connections
  '57P', // shut down, crashed, starting up, idle-session timeout
  '57014', // statement_timeout
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
  '25006', // read-only: this server is a standby since a failover
  '40001', // serialization failure
  '40P01', // deadlock
  '55P03', // lock_timeout
  '58030', // I/O error
];

/** What pg and sequelize-pool say in plain Errors, without a code. */
const MESSAGES = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'timeout expired',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'pool is draining and cannot accept work',
  'ConnectionManager.getConnection was called after the connection manager was closed!',
]);

/** A PostgreSQL that we cannot live with, and what to do about it. */
export class UnsuitableDatabase extends Error {
  override readonly name = 'UnsuitableDatabase';
  readonly finding: Pick<Finding, 'problem' | 'fix'>;

  constructor(finding: Pick<Finding, 'problem' | 'fix'>) {
    super(`${finding.problem} ${finding.fix}`);
    this.finding = finding;
  }
}

/** The error itself and all behind it: Sequelize wraps in `original`, everybody else in `cause`. */
export function* causes(error: unknown): Generator<Error> {
  let current = error;
  for (let depth = 0; current instanceof Error && depth < 8; depth += 1) {
    yield current;
    current =
      current instanceof BaseError && 'original' in current ? current.original : current.cause;
  }
}

/** What the innermost cause says: it names the address and the system's error. */
export function innermostReason(error: Error): string {
  const innermost = [...causes(error)].at(-1) ?? error;
  if (!(innermost instanceof AggregateError)) return innermost.message;
  return innermost.errors.map((one: Error) => one.message).join('; ');
}

const code = (error: Error): string | undefined =>
  'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** The SQLSTATE behind an error, however often it was wrapped. */
export function sqlState(error: unknown): string | undefined {
  for (const cause of causes(error)) if (cause instanceof DatabaseError) return cause.code;
  return undefined;
}

function isUnavailable(error: Error): boolean {
  if (error instanceof ConnectionError || MESSAGES.has(error.message)) return true;
  const found = code(error);
  if (found === undefined) return false;
  if (error instanceof DatabaseError) return UNAVAILABLE.some((start) => found.startsWith(start));
  return 'syscall' in error || error instanceof AggregateError;
}

const unavailable = (cause: Error) => new StoreUnavailable('PostgreSQL did not answer', { cause });

/** For a connection that is known to be lost before anything was sent. */
export const connectionLost = () => unavailable(new Error('The connection is lost'));

/** The error to throw on: `StoreUnavailable` with the error as its cause, or the error as it is. */
export function asUnavailable(error: unknown): unknown {
  if (error instanceof StoreUnavailable) return error;
  for (const cause of causes(error)) {
    if (isUnavailable(cause)) return unavailable(error as Error);
  }
  return error;
}

/** Rolled back as a whole by PostgreSQL: the transaction may be run again (PostgreSQL manual §13.5). */
export const isRolledBackConflict = (error: unknown): boolean =>
  ['40001', '40P01'].includes(sqlState(error) ?? '');

/** The connection kept a plan from before a migration, and refused to run it. */
export const isStalePlan = (error: unknown): boolean =>
  [...causes(error)].some(
    (cause) =>
      cause instanceof DatabaseError &&
      // The message is in the language of `lc_messages`; the name of the function is not.
      (cause.code === '26000' || cause.routine === 'RevalidateCachedQuery'),
  );

/** Codes of FATAL: what pg tells of the severity is in the language of `lc_messages`. */
const FATAL = ['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25P04', '08'];

/** PostgreSQL closes the connection after it. */
export const isFatal = ({ severity, code = '' }: Pick<DatabaseError, 'severity' | 'code'>) =>
  severity === 'FATAL' || severity === 'PANIC' || FATAL.some((start) => code.startsWith(start));

/** After these the session is over, or of no use: not even a rollback gets through. */
export function endsSession(error: unknown): boolean {
  for (const cause of causes(error)) {
    if (cause instanceof DatabaseError) return isFatal(cause) || cause.code === '25006';
  }
  return asUnavailable(error) instanceof StoreUnavailable;
}
