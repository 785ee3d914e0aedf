/**
 * `npm test`: starts PostgreSQL and Redis, runs mocha on all suites or on the given ones, stops everything.
 * `npm test -- tests/flows/login.test.ts --grep refresh`; `--coverage` measures and demands coverage.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { type Services, startServices } from './services.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Mocha's options whose value is a word of its own. */
const VALUED = /^(-[gftR]|--(grep|fgrep|timeout|reporter|retries|slow|jobs|ignore|exclude))$/;

const COVERAGE = [
  ...['--all', '--src', 'src', '--src', 'config', '--src', 'db', '--extension', '.ts'],
  ...['--include', 'src/**', '--include', 'config/**', '--include', 'db/**'],
  ...['--reporter', 'text', '--skip-full', '--reporter', 'lcov'],
  ...['--check-coverage', '--lines', '95', '--functions', '95', '--branches', '0'],
  ...['--statements', '0'],
];

/** One run of mocha. */
interface Run {
  /** The command after `node`. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A run of everything ends with the flows once more, under a PUBLIC_URL that has a path. */
function runsFor(args: readonly string[]): Run[] {
  const mocha = [path.join(root, 'node_modules/mocha/bin/mocha.js')];
  const options = args.filter((arg) => arg !== '--coverage');
  const names = options.some(
    (arg, i) => !arg.startsWith('-') && !VALUED.test(options[i - 1] ?? ''),
  );
  const everything = [...mocha, ...options, ...(names ? [] : ['tests/**/*.test.ts'])];
  const measured = [path.join(root, 'node_modules/c8/bin/c8.js'), ...COVERAGE, process.execPath];
  const first = { command: [...(args.includes('--coverage') ? measured : []), ...everything] };
  if (names) return [first];
  const below = { command: [...mocha, ...options, 'tests/flows/*.test.ts'] };
  return [first, { ...below, env: { TEST_BASE_PATH: '/sub' } }];
}

/** Tests know the services by names of their own, so that no test meets a real database by accident. */
function environment({ databaseUrl, redisUrl }: Services, countsFile: string): NodeJS.ProcessEnv {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env;
  return {
    NODE_ENV: 'test',
    ...inherited,
    TEST_DATABASE_URL: databaseUrl,
    ...(redisUrl === undefined ? {} : { TEST_REDIS_URL: redisUrl }),
    TEST_COUNTS_FILE: countsFile,
  };
}

/** Ctrl-C reaches the child by itself; a SIGTERM is for us alone. Either way we wait for it, then stop the services. */
async function exitCodeOf(child: ChildProcess): Promise<number> {
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** A line each. */
  readonly failures: readonly string[];
}

/** No file: mocha failed before the end, and has said why, or had a reporter of your own. */
async function readCounts(file: string): Promise<Counts> {
  const counts = await readFile(file, 'utf8').catch(() => '{"passed":0,"failed":0,"failures":[]}');
  return JSON.parse(counts) as Counts;
}

async function runOne({ command, env }: Run, services: Services, folder: string) {
  const countsFile = path.join(folder, `counts-${Object.values(env ?? {}).length}.json`);
  const child = spawn(process.execPath, command, {
    cwd: root,
    env: { ...environment(services, countsFile), ...env },
    stdio: 'inherit',
  });
  return { code: await exitCodeOf(child), ...(await readCounts(countsFile)) };
}

async function runAll(args: readonly string[]): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'test-run-'));
  const services = await startServices(process.env, (line) => console.error(line));
  let [code, passed, failed] = [0, 0, 0];
  const failures: string[] = [];
  try {
    for (const run of runsFor(args)) {
      if (run.env) console.log(`\nonce more with ${JSON.stringify(run.env)}`);
      const result = await runOne(run, services, folder);
      code ||= result.code;
      passed += result.passed;
      failed += result.failed;
      failures.push(...result.failures);
    }
  } finally {
    await services.stop();
    await rm(folder, { recursive: true, force: true });
  }
  for (const failure of failures) console.log(`failed: ${failure}`);
  console.log(`${passed} passed, ${failed} failed`);
  return code;
}

try {
  process.exitCode = await runAll(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
