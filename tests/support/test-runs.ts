/** What a run of all tests is made of: several runs of mocha, each a folder, so that two can go on at once. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** One run of mocha. */
export interface TestRun {
  readonly name: string;
  /** What mocha is told besides options: files and patterns. */
  readonly files: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It loads or stops what others need, so it has the machine to itself. */
  readonly alone?: boolean;
}

/** The longest, so that none of them is still going on when all others are over. */
const FIRST = ['contract', 'attacks', 'flows below a path', 'flows', 'pages'];
const ALONE = new Set(['deployment', 'faults']);

/** Folders whose subfolders are runs of their own. */
const DIVIDED = new Set(['flows']);

/** Every folder of `tests/`, and the flows once more under a PUBLIC_URL that has a path. */
export async function allRuns(root: string): Promise<TestRun[]> {
  const runs: TestRun[] = [{ name: 'tests', files: ['tests/*.test.ts'] }];
  for (const folder of await foldersIn(path.join(root, 'tests'))) {
    runs.push(...(await runsOf(root, folder)));
  }
  runs.push({
    name: 'flows below a path',
    files: ['tests/flows/*.test.ts'],
    env: { TEST_BASE_PATH: '/sub' },
  });
  return runs.sort((a, b) => rank(a) - rank(b));
}

function rank({ name }: TestRun): number {
  const place = FIRST.indexOf(name);
  return place < 0 ? FIRST.length : place;
}

async function runsOf(root: string, folder: string): Promise<TestRun[]> {
  const place = `tests/${folder}`;
  if (!DIVIDED.has(folder)) {
    return [{ name: folder, files: [`${place}/**/*.test.ts`], alone: ALONE.has(folder) }];
  }
  const inner = await foldersIn(path.join(root, place));
  return [
    { name: folder, files: [`${place}/*.test.ts`] },
    ...inner.map((one) => ({
      name: `${folder}/${one}`,
      files: [`${place}/${one}/**/*.test.ts`],
    })),
  ];
}

/** Those with a test below them. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const tests = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'));
  const folders = tests.map((test) => path.relative(folder, test.parentPath).split(path.sep)[0]);
  return [...new Set(folders)].filter((name): name is string => Boolean(name)).sort();
}

/**
 * Starts each when a lane is free, those that need the machine to themselves one by one at the end; resolves with
 * what they came to, in the order in which they ended.
 */
export async function inLanes<Result>(
  runs: readonly TestRun[],
  lanes: number,
  start: (run: TestRun) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const work = async (queue: TestRun[]): Promise<void> => {
    for (let run = queue.shift(); run; run = queue.shift()) results.push(await start(run));
  };
  const shared = runs.filter(({ alone }) => !alone);
  await Promise.all(Array.from({ length: lanes }, () => work(shared)));
  await work(runs.filter(({ alone }) => alone));
  return results;
}
