import { ConfigError } from '../../config/config-error.ts';
import { CommandError, PluginError } from '../kernel/plugin.ts';
import { ProblemError } from '../kernel/problem.ts';
import { StoreUnavailable } from '../kernel/store.ts';
import { PendingMigrations } from '../migrations.ts';
import { innermostReason, sqlState, UnsuitableDatabase } from '../storage/database-failures.ts';
import {
  DataDirectoryInUse,
  PostgresFailed,
  PostgresUnavailable,
} from '../storage/embedded-postgres/failures.ts';

/** Failures whose message tells a person what to do. */
const EXPECTED = [
  ConfigError,
  PluginError,
  CommandError,
  PendingMigrations,
  PostgresUnavailable,
  DataDirectoryInUse,
  PostgresFailed,
  UnsuitableDatabase,
];

/** One clear line for what a person can mend; the whole story, stack included, for what they cannot. */
export function describeFailure(error: unknown): string {
  if (error instanceof ProblemError) return describeProblem(error);
  if (error instanceof StoreUnavailable) return `${error.message}: ${innermostReason(error)}`;
  if (EXPECTED.some((Type) => error instanceof Type)) return (error as Error).message;
  if (error instanceof Error && sqlState(error) === '42501') return describeDenial(error);
  if (isSystemError(error)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Since PostgreSQL 15 a role may make nothing in `public` unless somebody allowed it. */
const describeDenial = (error: Error): string =>
  `PostgreSQL: ${innermostReason(error)}. Make the role of DATABASE_URL the owner of the database or of its tables, or GRANT it what is missing (for migrations: GRANT USAGE, CREATE ON SCHEMA …).`;

function describeProblem({ problem, details }: ProblemError): string {
  const faults = details.errors?.map(({ pointer, detail }) => `${pointer.slice(2)}: ${detail}`);
  const parts = [details.detail ?? problem.detail, ...(faults ?? [])].filter(Boolean);
  return parts.length === 0 ? problem.title : `${problem.title}: ${parts.join('; ')}`;
}

/** A folder that may not be written, a full disk: Node's message says which and why. */
const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'code' in error;
