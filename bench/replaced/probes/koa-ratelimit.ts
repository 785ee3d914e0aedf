/** koa-ratelimit with its Redis driver: what it counts, by whose clock, for how much memory, and what it does without Redis. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { SCRIPTS } from '../../../src/storage/redis-scripts.ts';
import { freePort } from '../../../tests/support/free-port.ts';
import { scratch } from './load.ts';

const children: ChildProcess[] = [];

function start(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

const redisPort = await freePort();
const url = `redis://127.0.0.1:${redisPort}`;
const server = start('redis-server', [
  '--port',
  String(redisPort),
  '--save',
  '',
  '--bind',
  '127.0.0.1',
]);
const redis = new Redis(url);

interface Node {
  /** Status and Retry-After of one request. */
  ask(address?: string): Promise<{ status: number | 'no answer'; retryAfter: number }>;
}

const PATIENCE = 12_000;

async function startNode(options: object, ahead = 0): Promise<Node> {
  const file = path.join(import.meta.dirname, 'koa-ratelimit-process.ts');
  const child = start(process.execPath, [
    file,
    scratch(),
    url,
    JSON.stringify(options),
    `${ahead}`,
  ]);
  const [printed] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  const port = Number(printed.toString());
  return {
    async ask(address = '203.0.113.9') {
      try {
        const answer = await fetch(`http://127.0.0.1:${port}/`, {
          headers: { 'x-forwarded-for': address },
          signal: AbortSignal.timeout(PATIENCE),
        });
        await answer.text();
        return { status: answer.status, retryAfter: Number(answer.headers.get('retry-after')) };
      } catch {
        return { status: 'no answer', retryAfter: 0 };
      }
    },
  };
}

const HOUR = 3_600_000;
const times = <Result>(count: number, work: (n: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));
const allowed = (answers: readonly { status: number | 'no answer' }[]): number =>
  answers.filter(({ status }) => status === 200).length;

async function twoProcesses(): Promise<void> {
  const counts = [];
  for (let round = 0; round < 10; round += 1) {
    const options = { max: 60, duration: HOUR, namespace: `two-${round}` };
    const nodes = await Promise.all([startNode(options), startNode(options)]);
    const answers = await Promise.all(nodes.map((node) => times(50, () => node.ask())));
    counts.push(allowed(answers.flat()));
  }
  console.log(`2 processes, 50 at once at each, max 60, 10 rounds: ${counts.join(' ')} allowed`);
}

async function clockAhead(): Promise<void> {
  const options = { max: 10, duration: HOUR, namespace: 'clock' };
  const [right, fast] = await Promise.all([startNode(options), startNode(options, HOUR + 60_000)]);
  const before = allowed(await times(15, () => right.ask()));
  const at = allowed(await times(15, () => fast.ask()));
  console.log(
    `max 10 an hour: ${before} of 15 at a node, then ${at} of 15 at one whose clock is 61 minutes fast`,
  );
}

async function window(): Promise<void> {
  const node = await startNode({ max: 10, duration: 3000, namespace: 'window' });
  const started = performance.now();
  await times(10, () => node.ask());
  const { retryAfter } = await node.ask();
  await delay(retryAfter * 1000);
  const { status } = await node.ask();
  while (allowed([await node.ask()]) === 0) await delay(20);
  const again = performance.now() - started;
  // The others of the burst came a little later.
  await delay(300);
  const rest = allowed(await times(10, () => node.ask()));
  console.log(
    `max 10 in 3 s, all at once: Retry-After says ${retryAfter} s, and whoever waits for it gets ${status}; the next is taken after ${(again / 1000).toFixed(1)} s, and ${rest} more 0.3 s later`,
  );
}

async function memory(): Promise<void> {
  const node = await startNode({ max: 2500, duration: HOUR, namespace: 'memory' });
  for (let n = 0; n < 50; n += 1) await times(50, () => node.ask());
  const theirs = await redis.memory('USAGE', 'memory:203.0.113.9', 'SAMPLES', 0);
  for (let n = 0; n < 2500; n += 1)
    await redis.eval(SCRIPTS.takeTokens.lua, 1, 'bucket', 2500, 1, 1);
  const ours = await redis.memory('USAGE', 'bucket', 'SAMPLES', 0);
  console.log(`Redis after 2500 requests of one address: ${theirs} bytes, our bucket ${ours}`);
}

async function oneNetwork(): Promise<void> {
  const node = await startNode({ max: 10, duration: HOUR, namespace: 'ipv6' });
  const answers = await times(200, (n) => node.ask(`2001:db8:1:2::${n.toString(16)}`));
  console.log(`max 10, 200 requests from 200 addresses of one /64: ${allowed(answers)} allowed`);
}

async function withoutRedis(): Promise<void> {
  const node = await startNode({ max: 10, duration: HOUR, namespace: 'lost' });
  await node.ask();
  for (const [signal, name] of [
    ['SIGSTOP', 'hangs'],
    ['SIGKILL', 'is gone'],
  ] as const) {
    server.kill(signal);
    const started = performance.now();
    const { status } = await node.ask();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`Redis ${name}: ${status} after ${seconds} s`);
  }
}

try {
  await twoProcesses();
  await clockAhead();
  await window();
  await memory();
  await oneNetwork();
  redis.disconnect();
  await withoutRedis();
} finally {
  redis.disconnect();
  for (const child of children) child.kill('SIGKILL');
}
process.exit(0);
