/** What a token bucket costs at Redis, as Redis itself reports it. */
import { Redis } from 'ioredis';
import type { Step } from '../load/generate-load.ts';
import { getWorkers } from '../stage/oidc-server.ts';
import type { Stage } from '../stage/stage.ts';
import type { Row } from './row.ts';

const CALLS = 100;

/** Commands that clients sent while `work` ran, not those inside of scripts. */
async function commandsDuring(redis: Redis, work: () => Promise<void>): Promise<string[]> {
  const monitor = await redis.monitor();
  const commands: string[] = [];
  monitor.on('monitor', (_time: string, [name = '']: string[], source: string) => {
    if (source !== 'lua') commands.push(name.toLowerCase());
  });
  await work();
  // Redis reports in order: with this one all before it have come.
  const mark = `end-of-${process.pid}`;
  const marked = new Promise<void>((resolve) => {
    monitor.on('monitor', (_time: string, args: string[]) => {
      if (args.includes(mark)) resolve();
    });
  });
  await redis.echo(mark);
  await marked;
  monitor.disconnect();
  return commands.filter((name) => name !== 'echo');
}

async function repeat(step: Step | undefined): Promise<void> {
  for (let n = 0; n < CALLS; n += 1) await step?.();
}

/** A route that does nothing: whatever reaches Redis is the bucket. */
async function whoami({ ours }: Stage): Promise<Step | undefined> {
  const token = (await ours.signIn(0)).get('authsrv-access') ?? '';
  const headers = { authorization: `Bearer ${token}` };
  return getWorkers(ours.http, '/bench/whoami', 1, headers)[0];
}

export const bucket: Row = {
  name: 'bucket',
  async run(stage) {
    const redis = new Redis(stage.redisUrl);
    try {
      const step = await whoami(stage);
      await step?.();
      const commands = await commandsDuring(redis, () => repeat(step));
      const perCall = commands.length / CALLS;
      return [
        {
          kind: 'fact',
          work: 'token bucket: Redis commands a call',
          target: '1',
          value: `${perCall} (${[...new Set(commands)].join(', ')})`,
          // Timers of the server may fall in between.
          reached: Math.round(perCall) === 1,
        },
      ];
    } finally {
      redis.disconnect();
    }
  },
};
