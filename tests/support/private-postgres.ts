/** A PostgreSQL of our own, gone with us; it keeps nothing. */
import { access, readdir } from 'node:fs/promises';
import path from 'node:path';
import { PostgresUnavailable } from '../../src/storage/embedded-postgres/failures.ts';
import {
  findPostgresBinaries,
  type PostgresBinaries,
} from '../../src/storage/embedded-postgres/postgres-binaries.ts';
import { startEmbeddedPostgres } from '../../src/storage/embedded-postgres/start-embedded-postgres.ts';
import { freePort } from './free-port.ts';
import type { PrivateService } from './private-redis.ts';
import { makeScratchFolder } from './scratch-folder.ts';

/** `searchPath` is PATH. Throws `PostgresUnavailable` when this machine has no PostgreSQL. */
export const startPrivatePostgres = (searchPath: string): Promise<PrivateService> =>
  startPostgresOf((folder) => findBinaries(folder, searchPath));

/** `find` says which programs to run; the folder is theirs to use. */
export async function startPostgresOf(
  find: (folder: string) => Promise<PostgresBinaries>,
): Promise<PrivateService> {
  const folder = await makeScratchFolder('test-postgres-');
  const port = await freePort();
  const { user, database, stop } = await startEmbeddedPostgres({
    dataDir: path.join(folder, 'data'),
    role: 'server',
    tcpPort: port,
    fsync: false,
    removeAfter: [folder],
    binaries: await find(folder),
  });
  return { url: `postgres://${user}@127.0.0.1:${port}/${database}`, stop };
}

/** The npm package first: fast, and the version that the server itself runs. */
async function findBinaries(folder: string, searchPath: string): Promise<PostgresBinaries> {
  try {
    return await findPostgresBinaries(path.join(folder, 'lib'));
  } catch (error) {
    if (!(error instanceof PostgresUnavailable)) throw error;
    for (const candidate of [...(await debianFolders()), ...searchPath.split(path.delimiter)]) {
      if (await holdsServer(candidate)) return { folder: candidate };
    }
    throw error;
  }
}

/** Debian's versions, the newest first. */
export async function debianFolders(): Promise<string[]> {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => path.join(root, version, 'bin'));
}

/** Both programs: a lone client installation has neither. */
async function holdsServer(folder: string): Promise<boolean> {
  const files = ['postgres', 'initdb'].map((name) => access(path.join(folder, name)));
  return Promise.all(files).then(
    () => true,
    () => false,
  );
}
