/** Sides are measured in turn, round by round, so that whatever else the machine does befalls both alike. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Load, runClosedLoop, type Step } from './load/generate-load.ts';
import { cpuMicros } from './machine.ts';
import { quantile, type Spread, spreadOf } from './statistics.ts';

/** One side in one round. */
export interface Sample {
  readonly count: number;
  readonly seconds: number;
  /** CPU of the process under test, in microseconds. */
  readonly cpu: number;
  /** Milliseconds of each request; empty where there are none. */
  readonly latencies: readonly number[];
}

export interface Side {
  /** Milliseconds of warm-up and seconds that count. */
  measure(warmUp: number, seconds: number): Promise<Sample>;
}

/** What the processes `pids` do under a load. */
export async function sampleLoad(
  load: Load,
  pids: readonly number[],
  { warmUp, seconds }: { readonly warmUp: number; readonly seconds: number },
): Promise<Sample> {
  const cpuOf = async () => (await Promise.all(pids.map(cpuMicros))).reduce((a, b) => a + b, 0);
  await delay(warmUp);
  const before = await cpuOf();
  load.take();
  const started = performance.now();
  await delay(seconds * 1000);
  const { count, latencies } = load.take();
  const after = await cpuOf();
  const passed = (performance.now() - started) / 1000;
  await load.stop();
  return { count, seconds: passed, cpu: after - before, latencies };
}

/** A server under a closed loop. */
export const httpSide = (pids: readonly number[], workers: readonly Step[]): Side => ({
  measure: (warmUp, seconds) => sampleLoad(runClosedLoop(workers), pids, { warmUp, seconds }),
});

export interface SideResult {
  /** CPU microseconds of one request. */
  readonly cpu: Spread;
  readonly perSecond: Spread;
  /** Milliseconds, over all rounds. */
  readonly p99: number;
}

export interface Comparison {
  readonly ours: SideResult;
  readonly limit: SideResult;
  /** The limit's CPU for one request through ours: 1 is as cheap. */
  readonly ratio: Spread;
  /** Our requests a second through the limit's. */
  readonly speed: Spread;
}

const FIRST_WARM_UP = 2_000;
const WARM_UP = 300;

const costOf = ({ cpu, count }: Sample): number => cpu / count;
const speedOf = ({ count, seconds }: Sample): number => count / seconds;

export function summarise(samples: readonly Sample[]): SideResult {
  return {
    cpu: spreadOf(samples.map(costOf)),
    perSecond: spreadOf(samples.map(speedOf)),
    p99: quantile(
      samples.flatMap(({ latencies }) => latencies),
      0.99,
    ),
  };
}

export interface Rounds {
  readonly rounds: number;
  readonly seconds: number;
}

/** Which goes first changes with each round. */
export async function compare(
  sides: { readonly ours: Side; readonly limit: Side },
  { rounds, seconds }: Rounds,
): Promise<Comparison> {
  const samples = { ours: [] as Sample[], limit: [] as Sample[] };
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? (['limit', 'ours'] as const) : (['ours', 'limit'] as const);
    for (const name of order) {
      const warmUp = round === 0 ? FIRST_WARM_UP : WARM_UP;
      samples[name].push(await sides[name].measure(warmUp, seconds));
    }
  }
  const pairs = samples.ours.map((ours, round) => ({ ours, limit: samples.limit[round] ?? ours }));
  return {
    ours: summarise(samples.ours),
    limit: summarise(samples.limit),
    ratio: spreadOf(pairs.map(({ ours, limit }) => costOf(limit) / costOf(ours))),
    speed: spreadOf(pairs.map(({ ours, limit }) => speedOf(ours) / speedOf(limit))),
  };
}
