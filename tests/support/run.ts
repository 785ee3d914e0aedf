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

/** The command after `node`. */
function commandLine(args: readonly string[]): string[] {
  const mocha = [path.join(root, 'node_modules/mocha/bin/mocha.js')];
  const options = args.filter((arg) => arg !== '--coverage');
  const names = options.some(
    (arg, i) => !arg.startsWith('-') && !VALUED.test(options[i - 1] ?? ''),
  );
  const run = [...mocha, ...options, ...(names ? [] : ['tests/**/*.test.ts'])];
  if (!args.includes('--coverage')) return run;
  return [path.join(root, 'node_modules/c8/bin/c8.js'), ...COVERAGE, process.execPath, ...run];
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

async function printCounts(file: string): Promise<void> {
  const counts = await readFile(file, 'utf8').catch(() => undefined);
  // No file: mocha failed before the end, and has said why, or had a reporter of your own.
  if (counts === undefined) return;
  const { passed, failed } = JSON.parse(counts) as { passed: number; failed: number };
  console.log(`${passed} passed, ${failed} failed`);
}

async function runMocha(args: readonly string[], countsFile: string): Promise<number> {
  const services = await startServices(process.env, (line) => console.error(line));
  try {
    const env = environment(services, countsFile);
    const child = spawn(process.execPath, commandLine(args), { cwd: root, env, stdio: 'inherit' });
    return await exitCodeOf(child);
  } finally {
    await services.stop();
  }
}

async function run(args: readonly string[]): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'test-run-'));
  try {
    const countsFile = path.join(folder, 'counts.json');
    const code = await runMocha(args, countsFile);
    await printCounts(countsFile);
    return code;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
