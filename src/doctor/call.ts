/** Calls to PUBLIC_URL: bounded, and led nowhere else. */
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';

/** Milliseconds for one answer, its body included. */
const TIMEOUT = 5_000;
/** Bytes: whatever answers there, metadata is shorter. */
const LONGEST = 256 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
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
    const text = await readText(body);
    return { status, headers, text, json: parse(text) };
  };

/** The status of an answer to a GET under another `Host` than the URL's, which `fetch` does not let one choose. */
export const statusUnder = (url: string, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const { protocol } = new URL(url);
    const send = protocol === 'https:' ? secureRequest : plainRequest;
    const signal = AbortSignal.timeout(TIMEOUT);
    send(url, { headers: { host }, signal }, (answer) => {
      answer.destroy();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });

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
