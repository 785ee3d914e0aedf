/** Chromium for the tests of pages. */
import { type Browser, chromium } from 'playwright-core';
import { findProgram, thisMachine } from './find-program.ts';

const CHROMIUM = {
  names: ['chromium', 'chromium-browser', 'google-chrome'],
  suites: 'every suite in tests/pages',
};

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

let search: Promise<string | undefined> | undefined;

/** A headless one with a profile of its own; undefined when this machine has none: then the suite skips itself. */
export async function launchChromium(): Promise<Browser | undefined> {
  // One search a test run: it may install a package, and says once what it did not find.
  search ??= findProgram(CHROMIUM, thisMachine('chromium'));
  const executablePath = await search;
  if (executablePath === undefined) return undefined;
  return chromium.launch({ executablePath, args: ARGUMENTS, chromiumSandbox: false });
}
