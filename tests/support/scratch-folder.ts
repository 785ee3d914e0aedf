import { chmod, mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Bytes that must be free in memory; containers often have 64 MB there. */
const ENOUGH = 2 * 1024 ** 3;

/** A new folder for data that nobody keeps: in memory where there is room, as disks make tests wait. */
export async function makeScratchFolder(prefix: string): Promise<string> {
  const parent = (await hasRoom('/dev/shm')) ? '/dev/shm' : tmpdir();
  const folder = await mkdtemp(path.join(parent, prefix));
  // Root's PostgreSQL may run as nobody, who must be able to pass through.
  await chmod(folder, 0o711);
  return folder;
}

async function hasRoom(folder: string): Promise<boolean> {
  return statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize > ENOUGH,
    () => false,
  );
}
