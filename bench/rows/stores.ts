/** Which statements and commands one request costs, from `/metrics`: what is left to save. */
import type { Step } from '../load/generate-load.ts';
import { clientCredentialsWorkers, codeFlowWorkers, refreshWorkers } from '../stage/oidc-server.ts';
import { cookieRefreshWorkers, loginWorkers } from '../stage/our-server.ts';
import type { Stage } from '../stage/stage.ts';
import { callsDuring, type StoreCalls } from './metrics.ts';
import type { Finding, Row } from './row.ts';

const TIMES = 50;

const describe = (calls: ReadonlyMap<string, StoreCalls>): string =>
  [...calls]
    .map(([name, { count }]) => [name.split(' ')[1] ?? '', Math.round(count / TIMES)] as const)
    // What timers do now and then is no part of a request.
    .filter(([, count]) => count > 0)
    .map(([name, count]) => (count === 1 ? name : `${count} ${name}`))
    .join(', ');

async function findCalls({ ours }: Stage, work: string, step: Step | undefined): Promise<Finding> {
  const calls = await callsDuring(ours.http, async () => {
    for (let n = 0; n < TIMES; n += 1) await step?.();
  });
  return {
    kind: 'fact',
    work: `calls: ${work}`,
    value: describe(calls),
    target: '',
    reached: undefined,
  };
}

export const stores: Row = {
  name: 'stores',
  async run(stage) {
    const { ours } = stage;
    const steps = [
      ['login', loginWorkers(ours, 1)],
      ['/oidc/token refresh', await refreshWorkers(ours, 1)],
      ['/auth/refresh', await cookieRefreshWorkers(ours, 1)],
      ['client credentials', clientCredentialsWorkers(ours, 1)],
      ['code flow, signed in', await codeFlowWorkers(ours, 1)],
    ] as const;
    const findings: Finding[] = [];
    for (const [work, [step]] of steps) findings.push(await findCalls(stage, work, step));
    return findings;
  },
};
