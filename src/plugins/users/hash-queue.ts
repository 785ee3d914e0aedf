/** Bounds how much of the thread pool hashing takes: signing shares it. */
import type { Clock } from '../../kernel/clock.ts';
import type { Gauge } from '../../kernel/telemetry.ts';
import { problems } from './problems.ts';

/** Runs work when a slot is free. Throws `users:busy` (503) when too many wait already, or when it waited too long. */
export type HashQueue = <Result>(work: () => Promise<Result>) => Promise<Result>;

export interface WatchedQueue {
  readonly run: HashQueue;
  /**
   * Does what comes before a hash, and the hash itself, if there is a place for it: a storm is turned away before
   * anything is looked up. Throws `users:busy` (503).
   */
  readonly admit: HashQueue;
  /** How many stand in line now. */
  waiting(): number;
  /** How many were sent away so far. */
  refused(): number;
  readonly gauges: readonly Gauge[];
}

export interface QueueLimits {
  /** How many run at once. */
  readonly slots: number;
  /** How many more stand in line, first come, first served. */
  readonly waiting: number;
  /** Milliseconds. Who waited longer has given up, most likely: a hash for nobody would only delay the others. */
  readonly patience: number;
  readonly clock: Clock;
}

interface Waiting {
  readonly since: number;
  readonly turn: PromiseWithResolvers<void>;
}

export function createHashQueue({ slots, waiting, patience, clock }: QueueLimits): WatchedQueue {
  const line: Waiting[] = [];
  let free = slots;
  let refused = 0;
  let admitted = 0;

  const refuse = () => {
    refused += 1;
    return problems.busy();
  };
  const enter = async (): Promise<void> => {
    if (free > 0) {
      free -= 1;
      return;
    }
    if (line.length >= waiting) throw refuse();
    const turn = Promise.withResolvers<void>();
    line.push({ since: clock.now(), turn });
    await turn.promise;
  };
  const isLate = ({ since }: Waiting): boolean => clock.now() - since > patience;
  // A slot goes straight to the next in line, so that nobody can slip in between.
  const leave = (): void => {
    let next = line.shift();
    for (; next && isLate(next); next = line.shift()) next.turn.reject(refuse());
    if (next) next.turn.resolve();
    else free += 1;
  };

  return {
    async run(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
    async admit(work) {
      if (admitted >= slots + waiting) throw refuse();
      admitted += 1;
      try {
        return await work();
      } finally {
        admitted -= 1;
      }
    },
    waiting: () => line.length,
    refused: () => refused,
    gauges: [
      { name: 'hashes_waiting', summary: 'Passwords in line for a hash', read: () => line.length },
      { name: 'hashes_running', summary: 'Passwords being hashed', read: () => slots - free },
      {
        name: 'hashes_refused_total',
        summary: 'Passwords that were not hashed, as too many were in line or for too long',
        grows: true,
        read: () => refused,
      },
    ],
  };
}
