/** Two servers on the same stores against one: what they share must not slow them down. */
import { runClosedLoop, type Step } from '../load/generate-load.ts';
import { type Sample, sampleLoad, summarise } from '../measure.ts';
import { cookieRefreshWorkers, startSibling } from '../stage/our-server.ts';
import type { Stage } from '../stage/stage.ts';
import type { Row } from './row.ts';

/** The servers, the load and the stores, each with a core of its own. */
const ENOUGH_CORES = 4;

interface Teams {
  readonly first: readonly Step[];
  readonly second: readonly Step[];
  readonly pids: readonly [number, number];
}

async function measureRounds({ options }: Stage, { first, second, pids }: Teams) {
  const alone: Sample[] = [];
  const together: Sample[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const time = { warmUp: round === 0 ? 2_000 : 300, seconds: options.seconds };
    alone.push(await sampleLoad(runClosedLoop(first), [pids[0]], time));
    together.push(await sampleLoad(runClosedLoop([...first, ...second]), pids, time));
  }
  return { alone: summarise(alone), together: summarise(together) };
}

export const twoProcesses: Row = {
  name: 'two-processes',
  async run(stage) {
    const { ours, oursOptions, options, cores } = stage;
    const sibling = await startSibling(oursOptions, ours);
    try {
      const first = await cookieRefreshWorkers(ours, options.connections);
      const second = await cookieRefreshWorkers(sibling, options.connections);
      const pids = [ours.pid, sibling.pid] as const;
      const { alone, together } = await measureRounds(stage, { first, second, pids });
      const factor = together.perSecond.median / alone.perSecond.median;
      const cpu = `${alone.cpu.median.toFixed(0)} → ${together.cpu.median.toFixed(0)} µs CPU a refresh`;
      const canTell = cores.count >= ENOUGH_CORES;
      return [
        {
          kind: 'fact',
          work: canTell ? 'two processes' : `two processes (${cores.count} cores cannot tell)`,
          target: '≥ 1.8×',
          value: `${factor.toFixed(2)}×; ${cpu}`,
          reached: canTell ? factor >= 1.8 : undefined,
        },
      ];
    } finally {
      await sibling.stop();
    }
  },
};
