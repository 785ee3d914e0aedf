/** Milliseconds that one answer may take, its body included. */
const TIMEOUT = 4000;
/** Bytes of one answer; JWKS of the largest providers have a tenth of it. */
const LIMIT = 256 * 1024;

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

interface Options {
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** True where plain http does no harm: it never leaves this machine. */
export const isLoopback = ({ hostname }: URL): boolean => LOOPBACK.test(hostname);

/** A body that fails once it is too long, so that nobody keeps more than that of it. */
function limited(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  let size = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.byteLength;
      if (size > LIMIT) controller.error(new Error(`the answer is longer than ${LIMIT} bytes`));
      else controller.enqueue(chunk);
    },
  });
  return body.pipeThrough(count);
}

/** `fetch` for calls to providers: bounded in time and size, and never led elsewhere by a redirect. */
export function createUpstreamFetch({ fetch, timeout = TIMEOUT }: Options): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.protocol !== 'https:' && !isLoopback(url)) {
      throw new TypeError(`${url.origin}: providers are called with https only`);
    }
    const signals = [AbortSignal.timeout(timeout), ...(init.signal ? [init.signal] : [])];
    const signal = AbortSignal.any(signals);
    const answer = await fetch(input, { ...init, redirect: 'manual', signal });
    const { status, statusText, headers, body } = answer;
    return new Response(body && limited(body), { status, statusText, headers });
  };
}
