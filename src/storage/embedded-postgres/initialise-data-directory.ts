/** Makes the data directory on the first start: whole, or not at all. */
import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasErrorCode } from './error-code.ts';
import { PostgresFailed } from './failures.ts';
import { spawnGuarded } from './guarded-process.ts';
import type { Owner } from './owner.ts';
import { livingFolders, makePrivateFolder } from './private-folder.ts';
import { commandLine, type Postgres } from './run-as.ts';

/** The superuser, trusted on the socket that only our own user can reach. */
export const SUPERUSER = 'postgres';

export interface Initialisation {
  readonly postgres: Postgres;
  readonly dataDir: string;
  readonly owner: Owner;
  /** Whether the files must survive a power cut. */
  readonly fsync: boolean;
}

/**
 * Runs initdb unless the directory is there already: in a folder beside it that is renamed at the end, so that a crash
 * half-way leaves nothing that a later start could take for data. Of several processes one does the work, the others
 * wait for it. Throws `PostgresFailed` with initdb's own words.
 */
export async function initialiseDataDirectory(task: Initialisation): Promise<void> {
  const { dataDir, owner, postgres } = task;
  const prefix = `${dataDir}.initdb-`;
  await mkdir(path.dirname(dataDir), { recursive: true });
  while (!(await isInitialised(dataDir))) {
    if ((await livingFolders(prefix)).length > 0) {
      await delay(50);
      continue;
    }
    const folder = await makePrivateFolder(prefix, owner, postgres.runAs.user);
    try {
      if (!(await isChosen(folder, prefix))) continue;
      await runInitdb(task, folder);
      await publish(folder, dataDir);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

async function isInitialised(dataDir: string): Promise<boolean> {
  try {
    await access(path.join(dataDir, 'PG_VERSION'));
    return true;
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/**
 * Whether this process runs initdb: the first folder wins once the others have stepped back. One that stays has begun
 * already. Two that begin all the same waste time and nothing else, as only one rename succeeds.
 */
async function isChosen(folder: string, prefix: string): Promise<boolean> {
  for (let look = 0; look < 5; look++) {
    const living = await livingFolders(prefix);
    if (living[0] !== folder) return false;
    if (living.length === 1) return true;
    await delay(20);
  }
  return false;
}

async function runInitdb({ postgres, fsync }: Initialisation, folder: string): Promise<void> {
  const args = [
    '-D',
    folder,
    '-U',
    SUPERUSER,
    '-A',
    'trust',
    '--encoding=UTF8',
    '--no-instructions',
  ];
  const output: string[] = [];
  const initdb = spawnGuarded({
    ...commandLine(postgres, 'initdb', [
      ...args,
      ...localeArguments(postgres.version),
      ...(fsync ? [] : ['--no-sync']),
    ]),
    signal: 'TERM',
    removeAfter: [],
    onLine: (line) => output.push(line),
  });
  if ((await initdb.exited) === 0) return;
  throw new PostgresFailed(`initdb failed: ${output.join(' ')}`);
}

/** The builtin provider sorts the same everywhere and needs no locale of the system; PostgreSQL has it since 17. */
function localeArguments(version: number): string[] {
  if (version < 17) return ['--locale=C.UTF-8'];
  return ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
}

async function publish(folder: string, dataDir: string): Promise<void> {
  try {
    await rename(folder, dataDir);
  } catch (error) {
    if (!hasErrorCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    if (await isInitialised(dataDir)) return;
    throw new PostgresFailed(`${dataDir} holds files, but no PostgreSQL data: move them away.`);
  }
  await syncFolder(path.dirname(dataDir));
}

/** A renamed folder is safe from a power cut only when its parent is on the disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
