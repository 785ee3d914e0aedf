import type { Log } from '../../kernel/plugin.ts';
import { ProblemError } from '../../kernel/problem.ts';
import type { UpstreamProvider } from './contract.ts';
import { problems } from './problems.ts';

/** Milliseconds that a person waits for all calls of one step to a provider. */
const PATIENCE = 4500;

class TooLate extends Error {
  override readonly name = 'TooLate';
}

/** Resolves with what `work` resolves with; throws TooLate when that takes longer than `limit` milliseconds. */
async function within<Result>(limit: number, work: () => Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new TooLate(`${limit} ms`)), limit);
  try {
    return await Promise.race([work(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Names of errors that an aborted `fetch` ends with, however deep they lie. */
function isTimeout(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof TooLate || at.name === 'TimeoutError' || at.name === 'AbortError')
      return true;
  }
  return false;
}

/** No answer at all, or one that is none of the protocol: not something that was checked and found wrong. */
function isOutage(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (at instanceof TypeError && at.message === 'fetch failed') return true;
    if (typeof code === 'string' && /^E[A-Z]+$|^UND_ERR_|^OAUTH_RESPONSE_IS_NOT_/.test(code)) {
      return true;
    }
  }
  return false;
}

/** Why there was no answer; such reasons name hosts, never what was sent. */
function networkReason(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.message === 'fetch failed' && at.cause instanceof Error) return at.cause.message;
  }
  return undefined;
}

const problemOf = (error: unknown) => {
  if (isTimeout(error)) return problems.timeout;
  return isOutage(error) ? problems.unavailable : problems.rejected;
};

/** Errors of OAuth libraries carry whole answers, tokens included: only what they are called is written down. */
const reasonOf = (error: unknown) => {
  const { name, code, message } = error as { name?: string; code?: unknown; message?: string };
  const detail = (networkReason(error) ?? message)?.slice(0, 200);
  return { reason: name, error_code: code, detail };
};

/** Asks a provider. Throws `federation:timeout` after 4.5 s, `:unavailable`, `:rejected`, or the ProblemError it threw. */
export async function callUpstream<Result>(
  { id }: UpstreamProvider,
  log: Log,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await within(PATIENCE, work);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    log.warn(
      { event: 'upstream.failed', provider: id, ...reasonOf(error) },
      'another provider failed',
    );
    throw problemOf(error)();
  }
}
