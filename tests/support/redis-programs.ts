/** Finds redis-server: on PATH, else unpacked from Debian's packages into a cache, with nothing installed. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { findOnPath, isExecutable } from './find-on-path.ts';

const run = promisify(execFile);

export interface RedisProgram {
  readonly file: string;
  /** For the loader (`LD_LIBRARY_PATH`), when the libraries are unpacked too. */
  readonly libraries?: string;
}

/** Undefined when this machine has no Redis and cannot get one; `cache` is a folder that is kept. */
export async function findRedis(
  searchPath: string,
  cache: string,
  log: (line: string) => void,
): Promise<RedisProgram | undefined> {
  for (const name of ['redis-server', 'valkey-server']) {
    const file = await findOnPath(name, searchPath);
    if (file !== undefined && (await runs({ file }))) return { file };
  }
  const unpacked = path.join(cache, `redis-${process.arch}`);
  const cached = await unpackedProgram(unpacked);
  if (cached !== undefined) return cached;
  if ((await findOnPath('apt-get', searchPath)) === undefined) return undefined;
  log('No redis-server on PATH: unpacking Debian’s into the cache, once.');
  try {
    await unpack(cache, unpacked);
  } catch (error) {
    log(`Cannot get Redis from Debian: ${error instanceof Error ? error.message : String(error)}`);
  }
  return unpackedProgram(unpacked);
}

async function runs({ file, libraries }: RedisProgram): Promise<boolean> {
  const env = libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries };
  return run(file, ['--version'], { env }).then(
    () => true,
    () => false,
  );
}

async function unpackedProgram(folder: string): Promise<RedisProgram | undefined> {
  const file = path.join(folder, 'usr/bin/redis-server');
  if (!(await isExecutable(file))) return undefined;
  const lib = path.join(folder, 'usr/lib');
  const platforms = (await readdir(lib)).filter((name) => name.endsWith('-linux-gnu'));
  const program = { file, libraries: platforms.map((name) => path.join(lib, name)).join(':') };
  return (await runs(program)) ? program : undefined;
}

/** Beside the goal and renamed at the end: several test runs may do this at once. */
async function unpack(cache: string, goal: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(path.join(cache, 'unpack-'));
  try {
    const downloads = path.join(folder, 'downloads');
    await mkdir(downloads);
    await download(downloads, path.join(folder, 'lists'));
    const root = path.join(folder, 'root');
    for (const name of await readdir(downloads)) {
      await run('dpkg', ['-x', path.join(downloads, name), root]);
    }
    await rm(goal, { recursive: true, force: true });
    await rename(root, goal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** With the package lists of the system; when those are missing or old, with private ones. */
async function download(folder: string, lists: string): Promise<void> {
  try {
    await downloadWith([], folder);
  } catch {
    await mkdir(path.join(lists, 'partial'), { recursive: true });
    const options = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${lists}`];
    await run('apt-get', ['update', '-q', ...options, '-o', 'APT::Sandbox::User=']);
    await downloadWith(options, folder);
  }
}

async function downloadWith(options: readonly string[], folder: string): Promise<void> {
  const { stdout } = await run('apt-cache', [...options, 'depends', 'redis-tools']);
  const libraries = [...stdout.matchAll(/^ +Depends: ([a-z0-9.+-]+)$/gm)].map(
    ([, name]) => name ?? '',
  );
  const packages = ['redis-server', 'redis-tools', ...libraries.filter((name) => name !== 'libc6')];
  await run('apt-get', [...options, 'download', '-q', ...packages], { cwd: folder });
}
