/** Bounds how much of the thread pool hashing takes: signing shares it. */
import type { Gauge } from '../../kernel/telemetry.ts';
import { problems } from './problems.ts';

/** Runs work when a slot is free. Throws `users:busy` (503) when too many wait already. */
export type HashQueue = <Result>(work: () => Promise<Result>) => Promise<Result>;

export interface WatchedQueue {
  readonly run: HashQueue;
  /** How many stand in line now. */
  waiting(): number;
  readonly gauges: readonly Gauge[];
}

/** `slots` run at once, `waiting` more stand in line, first come, first served. */
export function createHashQueue(limits: { slots: number; waiting: number }): WatchedQueue {
  const line: (() => void)[] = [];
  let free = limits.slots;

  const enter = async (): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return;
    }
    if (line.length >= limits.waiting) throw problems.busy();
    const turn = Promise.withResolvers<void>();
    line.push(turn.resolve);
    await turn.promise;
  };
  // A slot goes straight to the next in line, so that nobody can slip in between.
  const leave = (): void => {
    const next = line.shift();
    if (next) next();
    else free += 1;
  };

  const waiting = (): number => line.length;
  const running = (): number => limits.slots - free;
  return {
    async run(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
    waiting,
    gauges: [
      { name: 'hashes_waiting', summary: 'Passwords in line for a hash', read: waiting },
      { name: 'hashes_running', summary: 'Passwords being hashed', read: running },
    ],
  };
}
