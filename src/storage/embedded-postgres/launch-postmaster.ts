/** Starts the PostgreSQL server process and waits until it takes connections. */
import { chown, constants, lstat, mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { hasErrorCode } from './error-code.ts';
import { DirectoryOccupied, PostgresFailed } from './failures.ts';
import { type GuardedProcess, spawnGuarded } from './guarded-process.ts';
import { readLock } from './lock-file.ts';
import { commandLine, type Postgres, type RunAs } from './run-as.ts';

export interface Launch {
  readonly postgres: Postgres;
  readonly dataDir: string;
  /** Made here when it is not there; removed when PostgreSQL ends. */
  readonly socketFolder: string;
  readonly port: number;
  /** Whether it also listens on 127.0.0.1. */
  readonly tcp: boolean;
  readonly fsync: boolean;
  /** More to remove when PostgreSQL ends. */
  readonly removeAfter: readonly string[];
  readonly log: (line: string) => void;
}

/** Milliseconds that crash recovery may take. */
const RECOVERY_LIMIT = 120_000;

/** What PostgreSQL says when the directory has another server, or when parts of a killed one still run. */
const OCCUPIED = /lock file .* (already exists|is empty)|shared memory block .* still in use/;

/** Throws `DirectoryOccupied` or another `PostgresFailed`, with PostgreSQL's own words. */
export async function launchPostmaster(launch: Launch): Promise<GuardedProcess> {
  const { user } = launch.postgres.runAs;
  await makeSocketFolder(launch.socketFolder, user);
  const output: string[] = [];
  const guarded = spawnGuarded({
    ...commandLine(launch.postgres, 'postgres', settings(launch)),
    signal: 'INT',
    removeAfter: [launch.socketFolder, ...launch.removeAfter],
    onLine: (line) => {
      launch.log(line);
      output.push(line);
      if (output.length > 20) output.shift();
    },
  });
  if (await becomesReady(guarded, launch)) {
    guarded.release();
    return guarded;
  }
  guarded.end();
  await guarded.exited;
  const said = output.join(' ');
  const Failure = OCCUPIED.test(said) ? DirectoryOccupied : PostgresFailed;
  throw new Failure(`PostgreSQL did not start on ${launch.dataDir}: ${said}`);
}

async function becomesReady(guarded: GuardedProcess, launch: Launch): Promise<boolean> {
  const patience = AbortSignal.timeout(RECOVERY_LIMIT);
  while (guarded.isRunning() && !patience.aborted) {
    const lock = await readLock(launch.dataDir);
    const isOurs = lock.kind === 'held' && lock.postmaster.socketFolder === launch.socketFolder;
    if (isOurs && lock.postmaster.isReady) return true;
    await delay(10);
  }
  return false;
}

/** There already on the first start; on a later one nobody else may have put a folder in its place. */
async function makeSocketFolder(folder: string, user: RunAs['user']): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if (!hasErrorCode(error, 'EEXIST')) throw error;
    const { uid, mode } = await lstat(folder);
    const isPrivate = (mode & constants.S_IFMT) === constants.S_IFDIR && (mode & 0o077) === 0;
    if (!isPrivate || uid !== (user?.uid ?? process.getuid?.())) throw error;
    return;
  }
  if (user !== undefined) await chown(folder, user.uid, user.gid);
}

/** -D first and as a real path: `lock-file.ts` knows the server by it. */
function settings(launch: Launch): string[] {
  const options = {
    listen_addresses: launch.tcp ? '127.0.0.1' : '',
    unix_socket_permissions: '0700',
    max_connections: '100',
    shared_buffers: '32MB',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    // Failed statements hold personal data; the program that sent them reports the failure.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    ...(launch.fsync ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  const assignments = Object.entries(options).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const { dataDir, socketFolder, port } = launch;
  return ['-D', dataDir, '-k', socketFolder, '-p', String(port), ...assignments];
}
