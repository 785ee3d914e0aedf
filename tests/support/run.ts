/**
 * `npm test`: starts PostgreSQL and Redis, runs mocha on all suites or on the given ones, stops everything.
 * `npm test -- tests/flows/login.test.ts --grep refresh`; `--coverage` measures and demands coverage.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, constants, tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Services, startServices } from './services.ts';
import { allRuns, inLanes, type TestRun } from './test-runs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const MOCHA = path.join(root, 'node_modules/mocha/bin/mocha.js');
const C8 = path.join(root, 'node_modules/c8/bin/c8.js');

/** Mocha's options whose value is a word of its own. */
const VALUED = /^(-[gftR]|--(grep|fgrep|timeout|reporter|retries|slow|jobs|ignore|exclude))$/;

const COVERAGE = [
  ...['--all', '--src', 'src', '--src', 'config', '--src', 'db', '--extension', '.ts'],
  ...['--include', 'src/**', '--include', 'config/**', '--include', 'db/**'],
  ...['--reporter', 'text', '--skip-full', '--reporter', 'lcov'],
  ...['--check-coverage', '--lines', '95', '--functions', '95', '--branches', '0'],
  ...['--statements', '0'],
];

/** More than two would take the memory and the patience of a small machine. */
const LANES = Math.min(2, availableParallelism());

interface Surroundings {
  readonly services: Services;
  /** For what the runs leave behind. */
  readonly folder: string;
  readonly options: readonly string[];
  readonly coverage: boolean;
  /** Several write to one terminal, so each says what it has to say when it is over. */
  readonly together: boolean;
}

interface Outcome {
  readonly code: number;
  readonly passed: number;
  readonly failed: number;
  /** A line each. */
  readonly failures: readonly string[];
}

/** Tests know the services by names of their own, so that no test meets a real database by accident. */
function environment({ services, folder, coverage }: Surroundings): NodeJS.ProcessEnv {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env;
  const { databaseUrl, redisUrl } = services;
  return {
    NODE_ENV: 'test',
    ...inherited,
    TEST_DATABASE_URL: databaseUrl,
    ...(redisUrl === undefined ? {} : { TEST_REDIS_URL: redisUrl }),
    ...(coverage ? { NODE_V8_COVERAGE: path.join(folder, 'coverage') } : {}),
  };
}

async function exitCodeOf(child: ChildProcess): Promise<number> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

const children = new Set<ChildProcess>();

function start(command: readonly string[], env: NodeJS.ProcessEnv, inherit: boolean): ChildProcess {
  const child = spawn(process.execPath, command, {
    cwd: root,
    env,
    stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  child.once('close', () => children.delete(child));
  return child;
}

/** Ctrl-C reaches the children by itself; a SIGTERM is for us alone. Either way we wait for them. */
function passSignalsOn(): void {
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      for (const child of children) child.kill(signal);
    });
  }
}

/** No file: mocha failed before the end, and has said why, or had a reporter of your own. */
async function readCounts(file: string): Promise<Omit<Outcome, 'code'>> {
  const counts = await readFile(file, 'utf8').catch(() => '{"passed":0,"failed":0,"failures":[]}');
  return JSON.parse(counts) as Omit<Outcome, 'code'>;
}

const heardFrom = async (stream: Readable | null): Promise<string> => (stream ? text(stream) : '');

async function runOne(run: TestRun, surroundings: Surroundings): Promise<Outcome> {
  const { folder, options, together } = surroundings;
  const countsFile = path.join(folder, `counts-${run.name.replaceAll('/', '-')}.json`);
  const env = { ...environment(surroundings), ...run.env, TEST_COUNTS_FILE: countsFile };
  const began = performance.now();
  const child = start([MOCHA, ...options, ...run.files], env, !together);
  const said = Promise.all([heardFrom(child.stdout), heardFrom(child.stderr)]);
  const code = await exitCodeOf(child);
  if (together) {
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`\n── ${run.name} (${seconds} s)\n${(await said).join('\n')}`);
  }
  const counts = await readCounts(countsFile);
  const unsaid = code !== 0 && counts.failed === 0 ? [`${run.name}: exit code ${code}`] : [];
  return { code, ...counts, failures: [...counts.failures, ...unsaid] };
}

async function measureCoverage({ folder }: Surroundings): Promise<Outcome> {
  const command = [C8, 'report', '--temp-directory', path.join(folder, 'coverage'), ...COVERAGE];
  const code = await exitCodeOf(start(command, process.env, true));
  return { code, passed: 0, failed: 0, failures: code === 0 ? [] : ['coverage'] };
}

async function outcomes(args: readonly string[], surroundings: Surroundings): Promise<Outcome[]> {
  if (!surroundings.together) {
    return [await runOne({ name: 'given', files: args }, { ...surroundings, options: [] })];
  }
  return inLanes(await allRuns(root), LANES, (run) => runOne(run, surroundings));
}

async function runAll(given: readonly string[]): Promise<number> {
  const args = given.filter((arg) => arg !== '--coverage');
  const names = args.some((arg, i) => !arg.startsWith('-') && !VALUED.test(args[i - 1] ?? ''));
  const folder = await mkdtemp(path.join(tmpdir(), 'test-run-'));
  const services = await startServices(process.env, (line) => console.error(line));
  passSignalsOn();
  const coverage = given.includes('--coverage');
  const surroundings = { services, folder, options: args, coverage, together: !names };
  try {
    const all = await outcomes(args, surroundings);
    if (coverage) all.push(await measureCoverage(surroundings));
    for (const failure of all.flatMap(({ failures }) => failures))
      console.log(`failed: ${failure}`);
    const sum = (of: 'passed' | 'failed') => all.reduce((total, one) => total + one[of], 0);
    console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
    return all.find(({ code }) => code !== 0)?.code ?? 0;
  } finally {
    await services.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await runAll(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
