/**
 * `npm run demo`: the server, an application and an API, to play with until Ctrl-C.
 * `npm run demo -- --check`: walks through all of it by itself and exits with 1 when a step fails.
 * DATABASE_URL and REDIS_URL are used when they are set; a check makes a database of its own and drops it.
 */
import path from 'node:path';
import { pagesStory } from './demo/pages-story.ts';
import {
  anyPorts,
  type Temporary,
  temporaryDatabase,
  temporaryFolder,
  usualPorts,
} from './demo/place.ts';
import { pluginStory } from './demo/plugin-story.ts';
import { restStory } from './demo/rest-story.ts';
import { type Demo, startDemo } from './demo/start-demo.ts';
import { runStories } from './demo/steps.ts';

const print = (line: string): void => console.log(line);

/** Rejects on Ctrl-C and its like; everything is stopped on the way out. */
const interrupted = new Promise<never>((_resolve, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => reject(new Interrupted(`Interrupted by ${signal}`)));
  }
});
// Whoever waits for it learns of it; until then nobody may.
interrupted.catch(() => undefined);

class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Where a run of the demo happens. */
interface Place {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** Whatever was made for `work` is gone afterwards. */
async function withPlace(isCheck: boolean, work: (place: Place) => Promise<void>): Promise<void> {
  const made: Temporary[] = [];
  const make = async (temporary: Promise<Temporary>): Promise<string> => {
    const one = await temporary;
    made.push(one);
    return one.value;
  };
  const { DATABASE_URL: databaseUrl, DATA_DIR: dataDir } = process.env;
  try {
    const cwd = await make(temporaryFolder());
    // Data that lasts needs a SECRET_KEY that lasts, and that lies in DATA_DIR.
    const lasts = !isCheck && (databaseUrl || dataDir);
    const env = { ...process.env, DATA_DIR: lasts ? path.resolve(dataDir || 'data') : cwd };
    if (isCheck && databaseUrl) {
      Object.assign(env, { DATABASE_URL: await make(temporaryDatabase(databaseUrl)) });
    }
    await work({ env, cwd });
  } finally {
    for (const temporary of made.reverse()) await temporary.remove();
  }
}

/** Runs `work` with everything started; a process that ends by itself is a failure. */
async function withDemo(
  starting: Promise<Demo>,
  work: (demo: Demo) => Promise<unknown>,
): Promise<void> {
  let demo: Demo | undefined;
  try {
    demo = await Promise.race([starting, interrupted]);
    const failure = demo.failed.then((text) => {
      throw new Error(`A process has ended: ${text}`);
    });
    await Promise.race([work(demo), failure, interrupted]);
  } finally {
    demo ??= await starting.catch(() => undefined);
    await demo?.stop();
  }
}

async function check(place: Place): Promise<void> {
  const lines: string[] = [];
  const onLine = (line: string): void => void lines.push(line);
  const starting = startDemo({ ports: await anyPorts(), ...place, onLine });
  await withDemo(starting, async (demo) => {
    const stories = [pluginStory, pagesStory, restStory];
    const { passed, failed } = await runStories(
      stories.map((story) => (step) => story(demo, step)),
      print,
    );
    print(`${passed} passed, ${failed} failed`);
    if (failed === 0) return;
    process.exitCode = 1;
    console.error(['What the processes said:', ...lines].join('\n'));
  });
}

async function play(place: Place): Promise<void> {
  print('Starting …');
  let isReady = false;
  const onLine = (line: string): void => {
    if (isReady) console.error(line);
  };
  await withDemo(startDemo({ ports: await usualPorts(), ...place, onLine }), async (demo) => {
    isReady = true;
    const { email, password } = demo.superuser;
    print(`
  Example app    ${demo.urls.relyingParty}   sign in here, create an account
  async-api      ${demo.urls.api}   the app calls it with its access token
  Auth Service   ${demo.urls.issuer}
  Superuser      ${email}   ${password}

  A role for an account that you made, once you have followed the link in its mail (${demo.urls.issuer}/mail):
    DATA_DIR=${place.env['DATA_DIR']} npx authsrv role grant you@example.com reports

  Ctrl-C stops everything.`);
    await interrupted;
  });
}

const isCheck = process.argv.includes('--check');
try {
  await withPlace(isCheck, isCheck ? check : play);
} catch (error) {
  const isAsked = error instanceof Interrupted && !isCheck;
  if (!isAsked) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
