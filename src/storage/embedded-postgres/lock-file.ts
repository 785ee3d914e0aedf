/** Reads `postmaster.pid`, PostgreSQL's own lock on a data directory: the one record of who runs there. */
import { link, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { hasErrorCode } from './error-code.ts';
import { PostgresFailed } from './failures.ts';
import { type Owner, parseOwnerTag } from './owner.ts';
import { processCommand } from './process-facts.ts';

/** A running PostgreSQL server process. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Unset in the first moments of its life. */
  readonly socketFolder?: string;
  readonly isReady: boolean;
  /** Who started it; unset in its first moments, or when it was none of ours. */
  readonly owner?: Owner;
}

export type Lock =
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly postmaster: Postmaster }
  /** Left by a crash, in a way that PostgreSQL would take for a running server. */
  | { readonly kind: 'stale'; readonly text: string };

/** What the lock file says, checked against the processes that run. `dataDir` is a real path. */
export async function readLock(dataDir: string): Promise<Lock> {
  const text = await readLockFile(dataDir);
  if (text === undefined) return { kind: 'none' };
  const postmaster = parse(text);
  if (postmaster === undefined) return { kind: 'stale', text };
  const command = await processCommand(postmaster.pid);
  // PostgreSQL itself clears up after a process that is gone.
  if (command === '') return { kind: 'none' };
  return isPostmasterOf(command, dataDir) ? { kind: 'held', postmaster } : { kind: 'stale', text };
}

/** Removes a stale lock file, unless somebody has replaced it since: then it is put back at once. */
export async function removeStaleLock(dataDir: string, stale: string): Promise<void> {
  const file = lockFile(dataDir);
  const aside = `${file}.${process.pid}`;
  try {
    await rename(file, aside);
    if ((await readFile(aside, 'utf8')) !== stale) await link(aside, file);
  } catch (error) {
    if (!hasErrorCode(error, 'ENOENT', 'EEXIST')) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

const lockFile = (dataDir: string): string => path.join(dataDir, 'postmaster.pid');

async function readLockFile(dataDir: string): Promise<string | undefined> {
  try {
    return await readFile(lockFile(dataDir), 'utf8');
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return undefined;
    if (!hasErrorCode(error, 'EACCES')) throw error;
    const advice = 'run this as the user who owns it.';
    throw new PostgresFailed(`No permission to read ${dataDir}: ${advice}`, { cause: error });
  }
}

/** Lines (PostgreSQL's pidfile.h): pid, data directory, start, port, socket folder, address, shared memory, status. */
function parse(text: string): Postmaster | undefined {
  const [pid, , , port, socketFolder = '', , , status = ''] = text.split('\n');
  if (!/^\d+$/.test(pid ?? '') || Number(pid) === 0) return undefined;
  const owner = parseOwnerTag(socketFolder);
  return {
    pid: Number(pid),
    port: Number(port),
    isReady: status.trim() === 'ready',
    ...(socketFolder === '' ? {} : { socketFolder }),
    ...(owner === undefined ? {} : { owner }),
  };
}

/** Its children call themselves `postgres: …`. A relative -D may be ours, and then the lock must stay. */
function isPostmasterOf(command: string, dataDir: string): boolean {
  if (!/(^|\/)post(gres|master) /.test(command)) return false;
  return command.includes(` -D ${dataDir} `) || !command.includes(' -D /');
}
