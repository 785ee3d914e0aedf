/** Password login against argon2id alone, and what a storm of logins does to everybody else. */
import { setTimeout as delay } from 'node:timers/promises';
import { runClosedLoop, runFixedRate } from '../load/generate-load.ts';
import { compare, httpSide } from '../measure.ts';
import { cookieRefreshWorkers, loginWorkers } from '../stage/our-server.ts';
import type { Stage } from '../stage/stage.ts';
import { quantile } from '../statistics.ts';
import { rawSide } from './raw-side.ts';
import type { Row } from './row.ts';

/** Enough that a hash is always waiting, and fewer than the queue takes. */
const AT_ONCE = 8;

export const login: Row = {
  name: 'login',
  async run({ ours, raw, options }) {
    const sides = {
      ours: httpSide([ours.pid], loginWorkers(ours, AT_ONCE)),
      limit: rawSide(raw, 'argon2id', ''),
    };
    const comparison = await compare(sides, options);
    return [
      {
        kind: 'comparison',
        work: 'password login',
        limit: 'argon2id alone',
        target: 0.9,
        comparison,
      },
    ];
  },
};

const REFRESHES = 20;
const STORM = 32;
/** Milliseconds. */
const CALM = 100;

async function refreshesInStorm({ ours, options }: Stage): Promise<number> {
  const refreshes = await cookieRefreshWorkers(ours, options.connections);
  const storm = runClosedLoop(loginWorkers(ours, Math.min(STORM, options.connections)));
  const load = runFixedRate(refreshes, REFRESHES);
  await delay(500);
  load.take();
  await delay(options.seconds * 2000);
  const { latencies } = load.take();
  await load.stop();
  await storm.stop();
  return quantile(latencies, 0.99);
}

export const storm: Row = {
  name: 'storm',
  async run(stage) {
    const p99 = await refreshesInStorm(stage);
    return [
      {
        kind: 'fact',
        work: `p99 of /auth/refresh, ${REFRESHES} a second, while logins come without pause`,
        target: `< ${CALM} ms`,
        value: `${p99.toFixed(0)} ms`,
        reached: p99 < CALM,
      },
    ];
  },
};
