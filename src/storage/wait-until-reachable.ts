/** Start-up while PostgreSQL or Redis is not there yet: try again, say so, never give up by itself. */
import type { Log } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';
import { causes, innermostReason, sqlState } from './database-failures.ts';

/** Milliseconds. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5_000;

export interface WaitOptions {
  readonly log: Log;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Ends the waiting: its reason is thrown. */
  readonly signal?: AbortSignal;
}

interface Reachable {
  ping(): Promise<void>;
}

/**
 * Resolves when PostgreSQL answers.
 * Throws at once what no waiting heals: a refused login, a database that does not exist, a parameter that it does not take.
 */
export const waitForDatabase = (database: Reachable, options: WaitOptions): Promise<void> =>
  waitUntilReachable('PostgreSQL', database, options);

/** The same for the state store. */
export const waitForStore = (store: Reachable, options: WaitOptions): Promise<void> =>
  waitUntilReachable('state store', store, options);

async function waitUntilReachable(name: string, target: Reachable, options: WaitOptions) {
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted();
    try {
      return await target.ping();
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || isRefused(error)) throw error;
      const pause = Math.min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE);
      options.log.warn(
        {
          event: 'storage.unreachable',
          store: name,
          attempt,
          pause,
          reason: innermostReason(error),
        },
        `${name} cannot be reached yet; trying again`,
      );
      await options.sleep(pause);
    }
  }
}

/** SQLSTATE classes 28 (login), 3D (no such database), 22 and 42 (`options`); Redis' answers to AUTH. */
function isRefused(error: Error): boolean {
  if (/^(22|28|3D|42)/.test(sqlState(error) ?? '')) return true;
  return [...causes(error)].some((cause) => /^(WRONGPASS|NOAUTH|NOPERM)/.test(cause.message));
}
