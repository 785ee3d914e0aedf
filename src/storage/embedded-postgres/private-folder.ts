/** Folders that tell who made them, so that the next start can clean up after a crash. */
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isOwnerAlive, type Owner, ownerTag, parseOwnerTag } from './owner.ts';
import type { RunAs } from './run-as.ts';

/** Bytes in `sun_path` without its end mark, on the narrowest system (macOS). */
const SOCKET_PATH_BYTES = 103;

/** An initdb whose parent was killed may write for a moment more. */
const REMOVAL = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 } as const;

/** A new folder, 0700, called `<prefix><owner tag>-<random>`. */
export async function makePrivateFolder(
  prefix: string,
  owner: Owner,
  user: RunAs['user'],
): Promise<string> {
  const folder = await mkdtemp(`${prefix}${ownerTag(owner)}-`);
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  return folder;
}

/** Folders with this prefix whose maker still runs, sorted; the others are removed. */
export async function livingFolders(prefix: string): Promise<string[]> {
  const parent = path.dirname(prefix);
  const living: string[] = [];
  for (const name of await readdir(parent)) {
    const folder = path.join(parent, name);
    const owner = folder.startsWith(prefix) ? parseOwnerTag(folder) : undefined;
    if (owner === undefined) continue;
    if (await isOwnerAlive(owner)) living.push(folder);
    else await rm(folder, REMOVAL);
  }
  return living.sort();
}

/** Where socket folders go: the temporary folder, unless its path is too long for a socket. */
export function socketFolderPrefix(port: number, temporary: string = tmpdir()): string {
  const longest = `${temporary}/authsrv-server-4194304-zzzzzzzz-XXXXXX/.s.PGSQL.${port}`;
  const folder = Buffer.byteLength(longest) > SOCKET_PATH_BYTES ? '/tmp' : temporary;
  return path.join(folder, 'authsrv-');
}
