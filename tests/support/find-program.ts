/** A program that a suite needs and the repository cannot bring: on PATH, else Debian's, which a root on Debian installs. */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { findOnPath } from './find-on-path.ts';

const run = promisify(execFile);

export interface Wanted {
  /** Names of the program, the best first. */
  readonly names: readonly string[];
  /** What is skipped without it. */
  readonly suites: string;
  /** What makes it say its version. Default: `--version`. */
  readonly versionFlag?: string;
}

export interface ProgramSearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  readonly log: (line: string) => void;
  readonly install: () => Promise<unknown>;
}

/** The surroundings of this run; `debianPackage` is what it may install. */
export const thisMachine = (debianPackage: string): ProgramSearch => ({
  env: process.env,
  isRoot: process.getuid?.() === 0,
  log: (line) => console.error(line),
  install: () => installPackage(debianPackage),
});

/** The path of the program; undefined when it cannot be had here. Throws in CI then. */
export async function findProgram(
  { names, suites, versionFlag = '--version' }: Wanted,
  { env, isRoot, log, install }: ProgramSearch,
): Promise<string | undefined> {
  const [name = ''] = names;
  const searchPath = env['PATH'] ?? '';
  const found = await findWorking(names, searchPath, versionFlag);
  if (found !== undefined) return found;
  if (isRoot && (await findOnPath('apt-get', searchPath)) !== undefined) {
    log(`No ${name} on PATH: installing Debian’s, once.`);
    await install().catch((error: Error) => log(`Cannot install ${name}: ${error.message}`));
    const installed = await findWorking(names, searchPath, versionFlag);
    if (installed !== undefined) return installed;
  }
  const advice = `Put ${name} on PATH.`;
  if (env['CI']) throw new Error(`No ${name} for ${suites}. ${advice}`);
  log(`*** NO ${name.toUpperCase()}: ${suites} is SKIPPED. ${advice} ***`);
  return undefined;
}

/** Ubuntu's `chromium-browser` is often a script that only says to install something else. */
async function findWorking(names: readonly string[], searchPath: string, versionFlag: string) {
  for (const name of names) {
    const file = await findOnPath(name, searchPath);
    if (file === undefined) continue;
    const works = await run(file, [versionFlag]).then(
      () => true,
      () => false,
    );
    if (works) return file;
  }
  return undefined;
}

/** Other runs of mocha may want to install something at the same time: they take turns. */
const TURN = path.join(tmpdir(), 'auth-service-tests-apt.lock');

async function installPackage(name: string): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const script = 'apt-get update -q && apt-get install -y -q --no-install-recommends "$0"';
  await run('flock', [TURN, 'sh', '-c', script, name], { env, maxBuffer: 64 * 1024 ** 2 });
}
