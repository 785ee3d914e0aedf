/** libuv's thread pool, which hashes passwords. */
import { readdir, readFile } from 'node:fs/promises';
import { constants, getPriority, setPriority } from 'node:os';

/** More than the event loop's, as `nice -n 10`: a tenth of a core that the event loop wants as well. */
const NICENESS = 10;

/**
 * Where cores are scarce the event loop goes first: whoever is signed in does not wait for the passwords of those who
 * are not. On Linux only, where each thread has a niceness of its own (setpriority(2)), and from libuv 1.50 on, which
 * gives its threads a name; elsewhere nothing changes.
 */
export async function putEventLoopFirst(): Promise<void> {
  if (process.platform !== 'linux') return;
  const folder = '/proc/self/task';
  // Of the main thread, which is nice already when the whole process was started so: to become less nice takes rights.
  const niceness = Math.min(getPriority() + NICENESS, constants.priority.PRIORITY_LOW);
  for (const thread of await readdir(folder)) {
    // Other threads may end meanwhile.
    const name = await readFile(`${folder}/${thread}/comm`, 'utf8').catch(() => '');
    if (name.trim() === 'libuv-worker') setPriority(Number(thread), niceness);
  }
}
