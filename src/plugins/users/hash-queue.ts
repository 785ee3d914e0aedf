/** Bounds how much of the thread pool hashing takes: signing shares it. */
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { Admit } from '../../kernel/route.ts';
import type { Gauge } from '../../kernel/telemetry.ts';
import { problems } from './problems.ts';

export interface HashQueue {
  /** Runs work when a slot is free. Throws `users:busy` (503) when too many wait already, or when it waited too long. */
  readonly run: Admit;
  /**
   * Does what comes before a hash, and the hash itself, if there is a place for it: a storm is turned away before
   * anything is looked up. Throws `users:busy` (503).
   */
  readonly admit: Admit;
  /** How many stand in line now. */
  waiting(): number;
  /** How many were sent away so far. */
  refused(): number;
  readonly gauges: readonly Gauge[];
}

export interface QueueOptions {
  /** How many run at once. */
  readonly slots: number;
  /** How many more stand in line, first come, first served. */
  readonly waiting: number;
  /** Milliseconds. Who waited longer has given up, most likely: a hash for nobody would only delay the others. */
  readonly patience: number;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

interface Waiting {
  readonly since: number;
  readonly turn: PromiseWithResolvers<void>;
}

export function createHashQueue({ slots, waiting, patience, clock, log }: QueueOptions): HashQueue {
  const line: Waiting[] = [];
  let free = slots;
  let refused = 0;
  let admitted = 0;
  let isFull = false;

  const refuse = () => {
    if (!isFull) log.warn({ event: 'hashing.full' }, 'requests with passwords are refused');
    isFull = true;
    refused += 1;
    return problems.busy();
  };
  // Not with the first free place: a storm that goes on would begin and end all the time.
  const recover = (): void => {
    if (!isFull || line.length > 0 || admitted > slots) return;
    isFull = false;
    log.info({ event: 'hashing.recovered' }, 'requests with passwords are taken again');
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
        recover();
      }
    },
    async admit(work) {
      if (admitted >= slots + waiting) throw refuse();
      admitted += 1;
      try {
        return await work();
      } finally {
        admitted -= 1;
        recover();
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
