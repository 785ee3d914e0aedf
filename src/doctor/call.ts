/** Calls to PUBLIC_URL: bounded, and led nowhere else. */

/** Milliseconds for one answer, its body included. */
const TIMEOUT = 5_000;
/** Bytes: whatever answers there, metadata is shorter. */
const LONGEST = 256 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined when it is no JSON. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export type Call = (url: string, init?: RequestInit) => Promise<Answer>;

/** Rejects with what the network or TLS said. */
export const createCall =
  (fetch: typeof globalThis.fetch): Call =>
  async (url, init = {}) => {
    const signal = AbortSignal.timeout(TIMEOUT);
    const { status, headers, body } = await fetch(url, { ...init, redirect: 'manual', signal });
    return { status, headers, json: parse(await readText(body)) };
  };

async function readText(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > LONGEST) break;
  }
  return text;
}

function parse(text: string): Answer['json'] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
