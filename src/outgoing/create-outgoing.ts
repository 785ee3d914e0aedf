/** The way out for requests to addresses that others name: judged, resolved once, and connected to what was judged. */
import type { Fetch, Outgoing } from '../kernel/outgoing.ts';
import type { Log } from '../kernel/plugin.ts';
import { createAddressRule, hostOf } from './address-rule.ts';
import { checkAddresses, joining, type Resolve, resolveBySystem } from './check-addresses.ts';
import { createDeadline } from './deadline.ts';
import { OutgoingError, type Reason } from './outgoing-error.ts';
import { type Limits, send } from './send.ts';

export interface OutgoingOptions extends Partial<Limits> {
  readonly publicUrl: URL;
  /** OUTGOING_PRIVATE. */
  readonly named: readonly string[];
  readonly log: Pick<Log, 'warn'>;
  /** Told of every request: `answered`, or why not. */
  readonly count: (outcome: Reason | 'answered') => void;
  readonly resolve?: Resolve | undefined;
  /** Milliseconds that one request may take: name, connection and answer. */
  readonly timeout?: number;
}

const TIMEOUT = 4000;
/** Bytes of one answer; JWKS of the largest providers have a tenth of it. */
const LIMIT = 256 * 1024;

/** Answers that have no body (RFC 9110 §15). */
const BARE = [204, 205, 304];

export function createOutgoing(options: OutgoingOptions): Outgoing {
  const { timeout = TIMEOUT, limit = LIMIT, ca } = options;
  const resolve = joining(options.resolve ?? resolveBySystem);
  const rule = createAddressRule(options.named, options.publicUrl);

  const exchange = async (
    request: Request,
    more: readonly string[],
    signal: AbortSignal,
  ): Promise<Response> => {
    const url = new URL(request.url);
    const addresses = await checkAddresses(url, { rule, resolve, more });
    const sent = Buffer.from(await request.arrayBuffer());
    signal.throwIfAborted();
    const parts = { addresses, signal, limit, ca, body: sent };
    const { status, statusText, headers, body } = await send(request, parts);
    const isRedirect = status >= 300 && status < 400 && status !== 304;
    if (isRedirect && request.redirect !== 'manual') {
      throw new OutgoingError('redirect', hostOf(url), 'answered with a redirect');
    }
    const shown = BARE.includes(status) ? null : new Uint8Array(body);
    return new Response(shown, { status, statusText, headers });
  };

  const createFetch =
    (named: () => readonly URL[]): Fetch =>
    async (input, init = {}) => {
      // oidc-provider brings a guard of its own along; ours comes before the connection.
      const { dispatcher: _guard, signal, ...rest } = init as Guarded;
      const request = new Request(input, rest);
      const deadline = createDeadline(timeout, signal ?? request.signal);
      try {
        const answer = await deadline.race(exchange(request, named().map(hostOf), deadline.signal));
        options.count('answered');
        return answer;
      } catch (error) {
        throw explain(error, hostOf(new URL(request.url)), deadline.signal, options);
      } finally {
        deadline.end();
      }
    };

  return {
    fetch: createFetch(() => []),
    allowing: createFetch,
    faultOf(url) {
      const fault = rule.faultOfHost(hostOf(url));
      if (url.protocol === 'https:' || (rule.mayUse(url) && !fault)) return fault;
      return rule.faultOfHost('localhost') === undefined
        ? 'must use https (http only with 127.0.0.1, [::1] or localhost)'
        : 'must use https';
    },
    async examine(url) {
      try {
        await checkAddresses(url, { rule, resolve, more: [] });
        return undefined;
      } catch (error) {
        if (error instanceof OutgoingError) return error.fault;
        throw error;
      }
    },
  };
}

type Guarded = RequestInit & { readonly dispatcher?: unknown };

/** Counts what went wrong, names it in the log where it is ours to refuse, and makes it what `fetch` rejects with. */
function explain(
  error: unknown,
  host: string,
  signal: AbortSignal,
  { count, log }: Pick<OutgoingOptions, 'count' | 'log'>,
): unknown {
  if (error instanceof OutgoingError) {
    const { reason, message } = error;
    count(reason);
    const fields = { event: 'outgoing.refused', host, reason, detail: message };
    log.warn(fields, 'a request was not made, or its answer not taken');
  } else {
    count(signal.aborted ? 'time' : 'network');
  }
  return error === signal.reason ? error : new TypeError('fetch failed', { cause: error });
}
