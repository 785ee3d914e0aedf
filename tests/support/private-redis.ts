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

export async function startPrivateRedis(program: RedisProgram): Promise<PrivateService> {
  const port = await freePort();
  const folder = await mkdtemp(path.join(tmpdir(), 'test-redis-'));
  const output: string[] = [];
  const redis = spawnGuarded({
    file: program.file,
    args: settings(port, folder),
    env: program.libraries === undefined ? {} : { LD_LIBRARY_PATH: program.libraries },
    signal: 'TERM',
    removeAfter: [folder],
    onLine: (line) => output.push(line),
  });
  while (!(await answers(port))) {
    if (!redis.isRunning()) throw new Error(`Redis did not start: ${output.join(' ')}`);
    await delay(10);
  }
  redis.release();
  return { url: `redis://127.0.0.1:${port}`, stop: () => stop(redis) };
}

function settings(port: number, folder: string): string[] {
  const options = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: folder };
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

async function stop(redis: GuardedProcess): Promise<void> {
  redis.end();
  await redis.exited;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.on('error', () => resolve(false));
    socket.on('data', (data) => {
      socket.destroy();
      resolve(data.toString().startsWith('+PONG'));
    });
  });
}
