/** Chromium for the tests of pages: the one on PATH, else Debian's, which a root on Debian installs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';
import { findOnPath } from './find-on-path.ts';

const run = promisify(execFile);

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Milliseconds that an installation of Chromium may take, for the hook that waits for it. */
export const INSTALL_TIME = 300_000;

/** No request of its own leaves the machine, and nothing is asked for at a first run. */
const ARGUMENTS = [
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

export interface ChromiumSearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  readonly log: (line: string) => void;
  readonly install: () => Promise<unknown>;
}

let search: Promise<string | undefined> | undefined;

/** A headless one with a profile of its own; undefined when this machine has none: then the suite skips itself. */
export async function launchChromium(): Promise<Browser | undefined> {
  // One search a test run: it may install a package, and says once what it did not find.
  search ??= findChromium({
    env: process.env,
    isRoot: process.getuid?.() === 0,
    log: (line) => console.error(line),
    install: installChromium,
  });
  const executablePath = await search;
  if (executablePath === undefined) return undefined;
  return chromium.launch({ executablePath, args: ARGUMENTS, chromiumSandbox: false });
}

/** The path of a Chromium. Throws in CI when there is none to be had. */
export async function findChromium(options: ChromiumSearch): Promise<string | undefined> {
  const { env, isRoot, log, install } = options;
  const searchPath = env['PATH'] ?? '';
  const found = await findWorking(searchPath);
  if (found !== undefined) return found;
  if (isRoot && (await findOnPath('apt-get', searchPath)) !== undefined) {
    log('No Chromium on PATH: installing Debian’s, once.');
    await install().catch((error: Error) => log(`Cannot install Chromium: ${error.message}`));
    const installed = await findWorking(searchPath);
    if (installed !== undefined) return installed;
  }
  const advice = 'Put chromium on PATH.';
  if (env['CI']) throw new Error(`No Chromium for the tests of pages. ${advice}`);
  log(`*** NO CHROMIUM: every suite in tests/pages is SKIPPED. ${advice} ***`);
  return undefined;
}

/** Ubuntu's `chromium-browser` is often a script that only says to install something else. */
async function findWorking(searchPath: string): Promise<string | undefined> {
  for (const name of NAMES) {
    const file = await findOnPath(name, searchPath);
    if (file === undefined) continue;
    const works = await run(file, ['--version']).then(
      () => true,
      () => false,
    );
    if (works) return file;
  }
  return undefined;
}

async function installChromium(): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env });
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], {
    env,
    maxBuffer: 64 * 1024 ** 2,
  });
}
