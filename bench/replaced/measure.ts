/** Installs a side, loads it in fresh processes, runs a probe. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Side } from './packages.ts';

const run = promisify(execFile);

interface Installed {
  /** With all that they depend on, optional ones of other platforms included. */
  readonly packages: number;
  /** Those that run a script when they are installed. */
  readonly scripts: readonly string[];
  readonly megabytes: number;
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>;
}

export async function install(folder: string, { packages }: Side): Promise<Installed> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'package.json'), '{"private":true}\n');
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], {
    cwd: folder,
  });
  const lock = JSON.parse(await readFile(path.join(folder, 'package-lock.json'), 'utf8')) as Lock;
  const entries = Object.entries(lock.packages).filter(([name]) => name !== '');
  const { stdout } = await run('du', ['-sk', path.join(folder, 'node_modules')]);
  return {
    packages: entries.length,
    scripts: entries
      .filter(([, one]) => one.hasInstallScript)
      .map(([name]) => name.replace(/^.*node_modules\//, '')),
    megabytes: Number.parseInt(stdout, 10) / 1024,
  };
}

/** In a process that has done nothing else. */
export async function measureLoad(
  folder: string,
  { imports }: Side,
): Promise<{ milliseconds: number; megabytes: number }> {
  const program = `
    const before = process.memoryUsage.rss(), start = performance.now();
    for (const name of ${JSON.stringify(imports)}) await import(name);
    const milliseconds = performance.now() - start;
    console.log(JSON.stringify({ milliseconds, megabytes: (process.memoryUsage.rss() - before) / 2 ** 20 }));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
    cwd: folder,
  });
  return JSON.parse(stdout) as { milliseconds: number; megabytes: number };
}

/** One finding a line. */
export async function runProbe(probe: string, folder: string): Promise<readonly string[]> {
  const file = path.join(import.meta.dirname, 'probes', probe);
  const { stdout } = await run(process.execPath, [file, folder]);
  return stdout.split('\n').filter(Boolean);
}
