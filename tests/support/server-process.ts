/** The real server in processes of its own: `authsrv start`, as an operator runs it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type Browser, createBrowser } from './browser.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const PROGRAM = path.join(import.meta.dirname, '../../bin/authsrv.js');
/** Milliseconds: a cold start of Node, of the server and of an embedded PostgreSQL on a busy machine. */
const START = 60_000;

/** The SECRET_KEY that all nodes of a test share. */
export const SECRET_KEY = 'test-only-key-of-many-nodes-0123456789-0123456789';

export interface ServerProcessOptions {
  /** PUBLIC_URL; default: the address of the socket. */
  readonly issuer?: string;
  readonly databaseUrl?: string;
  readonly redisUrl?: string | undefined;
  /** Where to listen. Default: a free one. */
  readonly port?: number;
  /** Further settings. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface ServerProcess {
  readonly pid: number;
  readonly issuer: string;
  /** Where the socket is: `http://127.0.0.1:<port>`. */
  readonly socket: string;
  /** Every line it has written, standard output and standard error. */
  readonly output: readonly string[];
  /** Those of standard error. */
  readonly errors: readonly string[];
  /** Resolves with the exit code; 128 when a signal ended it. */
  readonly exited: Promise<number>;
  isRunning(): boolean;
  /** Status of a health endpoint; undefined while nobody listens. */
  health(name: 'live' | 'ready'): Promise<number | undefined>;
  /** Resolves when `/health/ready` says so. Throws with the output when it does not come to that. */
  ready(): Promise<void>;
  /** A user agent with an empty cookie jar. */
  browser(): Browser;
  /** SIGKILL. Idempotent. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. Idempotent. */
  stop(): Promise<number>;
}

/** Resolves when it is ready. */
export async function startServerProcess(
  options: ServerProcessOptions = {},
): Promise<ServerProcess> {
  const server = await spawnServerProcess(options);
  try {
    await server.ready();
    return server;
  } catch (error) {
    await server.kill();
    throw error;
  }
}

/** Resolves at once; `ready()` waits. */
export async function spawnServerProcess(
  options: ServerProcessOptions = {},
): Promise<ServerProcess> {
  const port = options.port ?? (await freePort());
  const socket = `http://127.0.0.1:${port}`;
  const issuer = options.issuer ?? socket;
  const child = spawn(process.execPath, [PROGRAM, 'start'], {
    env: environment({ ...options, issuer, port }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { output, errors } = linesOf(child);
  const exited = exitCode(child);
  const end = async (signal: NodeJS.Signals): Promise<number> => {
    child.kill(signal);
    return exited;
  };
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  // Whatever a test forgets ends with the tests.
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  child.once('close', () => process.off('exit', onExit));

  const health: ServerProcess['health'] = (name) =>
    fetch(`${socket}/health/${name}`, { signal: AbortSignal.timeout(2_000) }).then(
      async (response) => {
        await response.body?.cancel();
        return response.status;
      },
      () => undefined,
    );

  return {
    pid: child.pid ?? 0,
    issuer,
    socket,
    output,
    errors,
    exited,
    isRunning,
    health,
    async ready() {
      await eventually(async () => (await health('ready')) === 200 || !isRunning(), START).catch(
        () => undefined,
      );
      if ((await health('ready')) !== 200) throw new Error(`not ready:\n${output.join('\n')}`);
    },
    browser: () => createBrowser({ issuer, socket }),
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  };
}

/** Runs another command of `authsrv` to its end; resolves with what it printed, throws when it failed. */
export async function runCommand(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  const env = { ...inherited(), SECRET_KEY, ...settings };
  return (await run(process.execPath, [PROGRAM, ...args], { env })).stdout;
}

/** Nothing else: the settings of whoever runs the tests are not those of the server. */
function inherited(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, NODE_ENV: 'test' };
}

function environment(
  options: ServerProcessOptions & { readonly issuer: string; readonly port: number },
): Record<string, string> {
  return {
    ...inherited(),
    PORT: String(options.port),
    PUBLIC_URL: options.issuer,
    SECRET_KEY,
    HASH_QUEUE: '1000',
    HASH_PATIENCE: '300',
    OVERLOAD_DELAY: '0',
    RATE_LIMIT: 'off',
    DRAIN_DELAY: '0',
    ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
    ...(options.redisUrl === undefined ? {} : { REDIS_URL: options.redisUrl }),
    ...options.settings,
  };
}

function linesOf({ stdout, stderr }: ChildProcess): { output: string[]; errors: string[] } {
  const [output, errors]: [string[], string[]] = [[], []];
  if (stdout) createInterface({ input: stdout }).on('line', (line) => output.push(line));
  if (stderr) {
    createInterface({ input: stderr }).on('line', (line) => {
      output.push(line);
      errors.push(line);
    });
  }
  return { output, errors };
}

async function exitCode(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 128;
}
