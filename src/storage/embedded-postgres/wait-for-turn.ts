/** One owner for each data directory: who joins, who waits and who may start PostgreSQL. */
import { setTimeout as delay } from 'node:timers/promises';
import { hasErrorCode } from './error-code.ts';
import { DataDirectoryInUse } from './failures.ts';
import { type Lock, type Postmaster, readLock, removeStaleLock } from './lock-file.ts';
import { isOwnerAlive, type Role } from './owner.ts';

/** Milliseconds to wait for the present holder of a data directory; each new holder gets them anew. */
export interface Patience {
  /** For a command to end. */
  readonly command: number;
  /** For another server to end: one that was told to stop may need a moment. */
  readonly server: number;
  /** For a server to become ready, so that a command can join it. */
  readonly ready: number;
  /** For the PostgreSQL of a dead process to shut down. */
  readonly shutdown: number;
  /** For the pid to appear in a lock file that is still empty. */
  readonly empty: number;
}

export const DEFAULT_PATIENCE: Patience = {
  command: 10_000,
  server: 3000,
  ready: 120_000,
  shutdown: 30_000,
  empty: 1000,
};

/** Milliseconds of waiting that nobody needs to hear about. */
const QUIET = 500;

export interface Claim {
  readonly dataDir: string;
  readonly role: Role;
  /** Our own: a PostgreSQL there has lost its guard and must go. */
  readonly socketFolder?: string;
  readonly patience: Patience;
  readonly log: (line: string) => void;
}

/** Why to wait, and whom to name when the wait was in vain. */
interface Obstacle {
  readonly holder: string;
  readonly pid: number;
  /** Milliseconds. */
  readonly patience: number;
  /** Once, when the obstacle is first seen. */
  readonly meet?: () => void;
  /** When patience ends; unset, the claim fails. */
  readonly giveUp?: () => Promise<void>;
}

/**
 * Resolves with the server's PostgreSQL that a command may join, or with undefined when nothing runs on the directory.
 * Throws `DataDirectoryInUse` when its holder stays longer than our patience.
 */
export async function waitForTurn(claim: Claim): Promise<Postmaster | undefined> {
  const wait = createWait(claim);
  for (;;) {
    const lock = await readLock(claim.dataDir);
    if (lock.kind === 'none') return undefined;
    if (lock.kind === 'held' && (await mayJoin(lock.postmaster, claim))) return lock.postmaster;
    await wait(await obstacleOf(lock, claim));
  }
}

/** Waits a moment; each new obstacle starts its own patience. */
function createWait({ dataDir, log }: Claim): (obstacle: Obstacle) => Promise<void> {
  let met = '';
  let since = 0;
  let isAnnounced = false;
  return async ({ holder, pid, patience, meet, giveUp }) => {
    const name = `${holder} with pid ${pid}`;
    if (name !== met) {
      met = name;
      since = performance.now();
      isAnnounced = false;
      meet?.();
    }
    const waited = performance.now() - since;
    if (waited > QUIET && !isAnnounced) {
      isAnnounced = true;
      log(`waiting for ${name} on ${dataDir}`);
    }
    if (waited < patience) await delay(25);
    else if (giveUp !== undefined) await giveUp();
    else throw new DataDirectoryInUse(dataDir, holder, pid);
  };
}

async function mayJoin({ owner, isReady }: Postmaster, { role }: Claim): Promise<boolean> {
  return isReady && role === 'cli' && owner?.role === 'server' && (await isOwnerAlive(owner));
}

async function obstacleOf(lock: Exclude<Lock, { kind: 'none' }>, claim: Claim): Promise<Obstacle> {
  const { patience, dataDir } = claim;
  if (lock.kind === 'stale') {
    return {
      holder: 'a stale lock file',
      pid: 0,
      patience: lock.text === '' ? patience.empty : 0,
      giveUp: () => removeStaleLock(dataDir, lock.text),
    };
  }
  const { owner, pid, socketFolder } = lock.postmaster;
  if (owner === undefined) return { holder: 'a PostgreSQL', pid, patience: patience.server };
  if (socketFolder === claim.socketFolder || !(await isOwnerAlive(owner))) {
    const holder = 'an abandoned PostgreSQL';
    return { holder, pid, patience: patience.shutdown, meet: () => shutDown(pid) };
  }
  if (owner.role === 'cli') {
    return { holder: 'a command', pid: owner.pid, patience: patience.command };
  }
  const wait = claim.role === 'server' ? patience.server : patience.ready;
  return { holder: 'a server', pid: owner.pid, patience: wait };
}

/** SIGINT is PostgreSQL's fast shutdown. Its guard sends the same; this one is for a guard that was killed too. */
function shutDown(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch (error) {
    // Gone already, or not ours: then the wait ends with an error that names it.
    if (!hasErrorCode(error, 'ESRCH', 'EPERM')) throw error;
  }
}
