/** Fails calls at once while a store does not answer, instead of letting each wait for a timeout of its own. */
import type { Log } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';

/** Calls that failed in a row before the next ones are not made. */
const FAILURES = 5;
/** Milliseconds they have to span: a connection that was cut and is back at once is no outage. */
const SPAN = 250;
/** Milliseconds until one call may try again. */
const PAUSE = 500;

export interface CircuitBreakerOptions {
  /** In log lines. */
  readonly name: string;
  readonly log: Log;
  /** Milliseconds of a clock that is never set back. */
  readonly now: () => number;
}

export interface CircuitBreaker {
  /** Makes the call, once, or throws `StoreUnavailable` without making it. */
  run<Result>(call: () => Promise<Result>): Promise<Result>;
  /** Makes the call in any case; its answer ends an outage, its failure tells nothing. */
  ask<Result>(call: () => Promise<Result>): Promise<Result>;
  isOpen(): boolean;
}

/**
 * Opens when calls failed in a row, all of them begun after the last answer: where some calls are answered, as when
 * one server of several is lost, it stays closed. Open, it lets one call at a time try, after a pause each.
 */
export function createCircuitBreaker({ name, log, now }: CircuitBreakerOptions): CircuitBreaker {
  let answeredAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let failingSince = 0;
  let open: { triedAt: number; isTrying: boolean; readonly reason: Error } | undefined;

  function answered(): void {
    answeredAt = now();
    failures = 0;
    if (!open) return;
    open = undefined;
    log.info({ event: 'store.answers_again', store: name }, 'calls are made again');
  }

  function failed(startedAt: number, reason: Error): void {
    if (open || startedAt < answeredAt) return;
    if (failures === 0) failingSince = startedAt;
    failures += 1;
    if (failures < FAILURES || now() - failingSince < SPAN) return;
    open = { triedAt: now(), isTrying: false, reason };
    log.warn(
      { event: 'store.given_up', store: name, reason: reason.message },
      'calls fail at once until it answers again',
    );
  }

  async function attempt<Result>(call: () => Promise<Result>): Promise<Result> {
    const startedAt = now();
    try {
      const result = await call();
      answered();
      return result;
    } catch (error) {
      if (error instanceof StoreUnavailable) failed(startedAt, error);
      else answered();
      throw error;
    }
  }

  return {
    isOpen: () => open !== undefined,
    async run(call) {
      const trial = open;
      if (!trial) return attempt(call);
      if (trial.isTrying || now() - trial.triedAt < PAUSE) {
        throw new StoreUnavailable(trial.reason.message, { cause: trial.reason });
      }
      trial.isTrying = true;
      try {
        return await attempt(call);
      } finally {
        trial.isTrying = false;
        trial.triedAt = now();
      }
    },
    async ask(call) {
      const result = await call();
      answered();
      return result;
    },
  };
}
