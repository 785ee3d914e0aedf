/** Where root runs PostgreSQL as another user: what that user must own and must be able to reach. */
import { chmod, chown, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { hasErrorCode } from './error-code.ts';
import type { RunAs } from './run-as.ts';

/**
 * Lets the user pass through the parent folder, which stays unreadable, and gives it the data directory if there is one
 * yet: an earlier start may have run PostgreSQL in another way.
 */
export async function handOver(dataDir: string, user: NonNullable<RunAs['user']>): Promise<void> {
  const parent = path.dirname(dataDir);
  const { mode } = await stat(parent);
  if ((mode & 0o001) === 0) await chmod(parent, (mode & 0o7777) | 0o001);
  try {
    if ((await stat(dataDir)).uid !== user.uid) await giveAll(dataDir, user);
  } catch (error) {
    // No data yet, or another process is doing the same.
    if (!hasErrorCode(error, 'ENOENT')) throw error;
  }
}

/** The folder itself comes last: its owner tells that all is done. */
async function giveAll(folder: string, { uid, gid }: NonNullable<RunAs['user']>): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  await Promise.all(names.map((name) => chown(path.join(folder, name), uid, gid)));
  await chown(folder, uid, gid);
}
