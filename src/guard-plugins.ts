/** What plugins give the core to call at every request: one that throws, hangs or answers nonsense takes nothing down. */
import { inTime } from './http/in-time.ts';
import { problems } from './http/problem-response.ts';
import type { Random } from './kernel/clock.ts';
import type { Limiter, Log, RequestIds } from './kernel/plugin.ts';
import { ProblemError } from './kernel/problem.ts';

interface Contributed<Value> {
  readonly plugin: string;
  readonly value: Value;
}

/** Milliseconds that a limiter has: longer than its store may take (a connection 2 s, a statement 5 s, its answer 1 s more). */
const PATIENCE = 10_000;

/** Logs the first of several failures in a row: each request has one. */
function createReporter(log: Log, event: string, plugin: string) {
  let isFailing = false;
  return <Result>(work: () => Result, otherwise: () => Result): Result => {
    try {
      const result = work();
      isFailing = false;
      return result;
    } catch (error) {
      if (!isFailing) log.error({ event, plugin, err: error }, 'a plugin failed at requests');
      isFailing = true;
      return otherwise();
    }
  };
}

/**
 * `spend` that throws anything but a problem, or hangs, refuses the call (503): none passes uncounted. Where counting is all
 * that it would do (`spendHere`), the call passes.
 */
export function guardLimiter(
  { plugin, value: limiter }: Contributed<Limiter>,
  log: Log,
  patience = PATIENCE,
): Limiter {
  const orNothing = createReporter(log, 'limiter.failed', plugin);
  const spend: Limiter['spend'] = async (...call) => {
    try {
      const spent = Promise.resolve().then(() => limiter.spend(...call));
      return await inTime(`limiter of plugin ${plugin}`, spent, patience);
    } catch (cause) {
      if (cause instanceof ProblemError) throw cause;
      throw problems.unavailable({ cause });
    }
  };
  if (!limiter.spendHere) return { problems: limiter.problems, spend };
  const spendHere = (ip: string) =>
    orNothing(
      () => limiter.spendHere?.(ip),
      () => undefined,
    );
  return { problems: limiter.problems, spend, spendHere };
}

/** What a header can carry, and a line of the log. */
const REQUEST_ID = /^[\x21-\x7e]{1,200}$/;

/** An id that cannot be had, or cannot be sent, is made here instead. */
export function guardRequestIds(
  contributed: Contributed<RequestIds> | undefined,
  random: Pick<Random, 'uuid'>,
  log: Log,
): RequestIds {
  if (!contributed) return () => random.uuid();
  const { plugin, value: requestIds } = contributed;
  const orOwn = createReporter(log, 'request_id.failed', plugin);
  return (received) =>
    orOwn<string | undefined>(() => {
      const id: unknown = requestIds(received);
      if (id === undefined || (typeof id === 'string' && REQUEST_ID.test(id))) return id;
      throw new Error('the id of a request must be a text of at most 200 visible characters');
    }, random.uuid);
}
