/** PostgreSQL refuses to run as root: as whom it runs instead. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { hasErrorCode } from './error-code.ts';
import { PostgresUnavailable } from './failures.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';

const run = promisify(execFile);

/** uid and gid of nobody, everywhere. */
const NOBODY = 65_534;

/** How to start one of the programs. */
export interface RunAs {
  /** Put before the program. */
  readonly prefix: readonly string[];
  /** The user of the process, who must own the files; unset, it is ours. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** The programs, as they start on this machine. */
export interface Postgres {
  readonly folder: string;
  /** The major version. */
  readonly version: number;
  readonly runAs: RunAs;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Finds the way to run the programs on a data directory: as ourselves; as root, as the directory's owner, or in a user
 * namespace where root is called nobody (the files stay root's), or where that is forbidden, as nobody.
 * Throws `PostgresUnavailable` when the programs do not run at all, as on musl.
 */
export async function preparePostgres(
  binaries: PostgresBinaries,
  dataDir: string,
): Promise<Postgres> {
  const env = environment(binaries);
  const failures: unknown[] = [];
  for (const runAs of await candidates(dataDir)) {
    try {
      const version = await majorVersion(binaries.folder, runAs, env);
      return { folder: binaries.folder, version, runAs, env };
    } catch (error) {
      failures.push(error);
    }
  }
  const cause = new AggregateError(failures);
  throw new PostgresUnavailable(failures.map(reasonOf).join('; '), { cause });
}

/** Command, arguments and user for one of the programs. */
export function commandLine({ folder, runAs, env }: Postgres, program: string, args: string[]) {
  const [file = '', ...rest] = [...runAs.prefix, path.join(folder, program), ...args];
  return { file, args: rest, env, ...runAs.user };
}

async function candidates(dataDir: string): Promise<RunAs[]> {
  const asUs: RunAs = { prefix: [] };
  if (process.getuid?.() !== 0) return [asUs];
  const owner = await ownerOfFolder(dataDir);
  if (owner !== undefined && owner.uid !== 0) return [{ prefix: [], user: owner }];
  const namespace = ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];
  return [{ prefix: namespace }, { prefix: [], user: { uid: NOBODY, gid: NOBODY } }];
}

async function ownerOfFolder(folder: string): Promise<RunAs['user']> {
  try {
    const { uid, gid } = await stat(folder);
    return { uid, gid };
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** A fixed locale keeps PostgreSQL's messages in English. */
function environment({ libraries }: PostgresBinaries): Record<string, string> {
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C',
    TZ: 'UTC',
  };
  return libraries === undefined ? env : { ...env, LD_LIBRARY_PATH: libraries };
}

async function majorVersion(
  folder: string,
  { prefix, user }: RunAs,
  env: Record<string, string>,
): Promise<number> {
  const [file = '', ...args] = [...prefix, path.join(folder, 'postgres'), '--version'];
  const { stdout } = await run(file, args, { env, cwd: '/', ...user });
  const version = /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`it calls itself ${stdout.trim()}`);
  return Number(version);
}

/** One line: what the loader or the system said. */
function reasonOf(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const stderr = 'stderr' in failure ? String(failure.stderr).trim() : '';
  return (stderr || failure.message).split('\n')[0] ?? '';
}
