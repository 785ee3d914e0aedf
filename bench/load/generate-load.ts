/** Two kinds of load: as fast as answers come, and so many requests a second whatever the answers do. */
import { setTimeout as delay } from 'node:timers/promises';

/** One request, or one flow of several; throws when it does not succeed. */
export type Step = () => Promise<void>;

export interface LoadResult {
  readonly count: number;
  /** Milliseconds of each. */
  readonly latencies: readonly number[];
}

export interface Load {
  /** What ended since the last call, or since the start. */
  take(): LoadResult;
  /** Resolves when nothing is under way. Throws the first failure there was. */
  stop(): Promise<void>;
}

function createRecord() {
  let latencies: number[] = [];
  let failure: Error | undefined;
  return {
    async run(step: Step, started = performance.now()): Promise<void> {
      try {
        await step();
        latencies.push(performance.now() - started);
      } catch (error) {
        failure ??= error instanceof Error ? error : new Error(String(error));
      }
    },
    hasFailed: () => failure !== undefined,
    take(): LoadResult {
      const taken = latencies;
      latencies = [];
      return { count: taken.length, latencies: taken };
    },
    check() {
      if (failure !== undefined) throw failure;
    },
  };
}

/** Closed loop: each worker begins its next step when the last has ended. A failure ends the load. */
export function runClosedLoop(workers: readonly Step[]): Load {
  const record = createRecord();
  let isOver = false;
  const loops = workers.map(async (step) => {
    while (!isOver && !record.hasFailed()) await record.run(step);
  });
  return {
    take: record.take,
    async stop() {
      isOver = true;
      await Promise.all(loops);
      record.check();
    },
  };
}

/**
 * Fixed rate: `perSecond` steps a second, each by the next of the workers. Latency counts from when a step was due, so
 * a server that stalls cannot hide it by being asked less.
 */
export function runFixedRate(workers: readonly Step[], perSecond: number): Load {
  const record = createRecord();
  const running: Promise<void>[] = [];
  let isOver = false;
  const started = performance.now();
  const clock = (async () => {
    for (let index = 0; !isOver; index += 1) {
      const due = started + (index * 1000) / perSecond;
      const early = due - performance.now();
      if (early > 0) await delay(early);
      const step = workers[index % workers.length];
      if (step) running.push(record.run(step, due));
    }
  })();
  return {
    take: record.take,
    async stop() {
      isOver = true;
      await clock;
      await Promise.all(running);
      record.check();
    },
  };
}
