/** A Redis of our own, gone with us. */
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type GuardedProcess,
  spawnGuarded,
} from '../../src/storage/embedded-postgres/guarded-process.ts';
import { freePort } from './free-port.ts';
import type { RedisProgram } from './redis-programs.ts';

export interface PrivateService {
  readonly url: string;
  stop(): Promise<void>;
}

export interface PrivateRedis extends PrivateService {
  readonly port: number;
  /** To the server itself: SIGSTOP hangs it, SIGCONT lets it go on, SIGKILL ends it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void;
  /** Starts it again on the same port, empty; it has to be dead. */
  restart(): Promise<void>;
}

export interface RedisSettings {
  readonly port?: number;
  /** Arguments besides port and folder, where files may be put first. */
  readonly prepare?: (folder: string) => Promise<readonly string[]>;
}

interface Running {
  readonly process: GuardedProcess;
  readonly pid: number;
}

export async function startPrivateRedis(
  program: RedisProgram,
  settings: RedisSettings = {},
): Promise<PrivateRedis> {
  const port = settings.port ?? (await freePort());
  let running = await start(program, port, settings.prepare);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    signal: (signal) => void process.kill(running.pid, signal),
    async restart() {
      await running.process.exited;
      running = await start(program, port, settings.prepare);
    },
    async stop() {
      // One that hangs would not hear the request to end.
      if (running.process.isRunning()) process.kill(running.pid, 'SIGCONT');
      running.process.end();
      await running.process.exited;
    },
  };
}

async function start(
  program: RedisProgram,
  port: number,
  prepare: RedisSettings['prepare'],
): Promise<Running> {
  const folder = await mkdtemp(path.join(tmpdir(), 'test-redis-'));
  const output: string[] = [];
  const redis = spawnGuarded({
    file: program.file,
    args: (await prepare?.(folder)) ?? flags({ ...LOSING_EVERYTHING, port, dir: folder }),
    env: program.libraries === undefined ? {} : { LD_LIBRARY_PATH: program.libraries },
    signal: 'TERM',
    removeAfter: [folder],
    onLine: (line) => output.push(line),
  });
  for (;;) {
    const [, pid] = /^process_id:(\d+)/m.exec(await askRedis(port, 'INFO server')) ?? [];
    if (pid !== undefined) {
      redis.release();
      return { process: redis, pid: Number(pid) };
    }
    if (!redis.isRunning()) throw new Error(`Redis did not start: ${output.join(' ')}`);
    await delay(10);
  }
}

/** Of a server whose data nobody keeps. */
export const LOSING_EVERYTHING = {
  bind: '127.0.0.1',
  save: '',
  appendonly: 'no',
  'repl-diskless-sync-delay': 0,
};

export const flags = (options: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);

/** The first piece of the answer as it came over the wire; empty when nobody answers. */
export function askRedis(port: number, command: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.on('error', () => resolve(''));
    socket.on('close', () => resolve(''));
    socket.on('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
  });
}
