/** Deletes expired records of the state store, a few at a time, in the background. */
import type { Log } from '../kernel/plugin.ts';
import type { Database } from '../kernel/store.ts';
import { SWEEP } from './postgres-store-statements.ts';

const BATCH = 500;
/** Rounds in one sweep: a flood is worked off over several, without keeping PostgreSQL busy. */
const ROUNDS = 20;

export interface StateSweeper {
  /** Sweeps every so many milliseconds, without keeping the process alive. */
  start(interval: number): void;
  /** Sweeps once; answers how many rows went. */
  sweep(): Promise<number>;
  stop(): void;
}

export function createStateSweeper(query: Database['query'], log: Log): StateSweeper {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function sweep(): Promise<number> {
    let swept = 0;
    for (const statement of SWEEP) {
      for (let round = 0; round < ROUNDS && !stopped; round += 1) {
        const { length } = await query(statement, [BATCH]);
        swept += length;
        if (length < BATCH) break;
      }
    }
    return swept;
  }

  return {
    sweep,
    start(interval) {
      timer ??= setInterval(() => {
        sweep().catch((error: Error) => {
          log.warn({ event: 'state_store.sweep_failed', reason: error.message }, 'sweep failed');
        });
      }, interval).unref();
    },
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}
