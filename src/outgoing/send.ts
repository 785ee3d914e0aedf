/** One request over node's own client, to addresses that were checked: nothing is resolved again, pooled, followed or read on. */
import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import { brotliDecompress, unzip } from 'node:zlib';
import { hostOf } from './address-rule.ts';
import { OutgoingError } from './outgoing-error.ts';

export interface Sent {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface Limits {
  /** Bytes of an answer, also once it is unpacked. */
  readonly limit: number;
  /** PEM of the authorities that are trusted instead of the usual ones. */
  readonly ca?: string | undefined;
}

interface Sending extends Limits {
  /** That the host has, and that may be called. */
  readonly addresses: readonly string[];
  readonly body: Buffer;
  readonly signal: AbortSignal;
}

/** What a caller may not say: it is ours to say, or names another host to TLS than the one that was checked. */
const OURS = ['host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding'];

/** Answers what was asked before, whoever asks. */
const lookupAmong =
  (addresses: readonly string[]): LookupFunction =>
  (_hostname, { all }, callback) => {
    const found = addresses.map((address) => ({ address, family: isIP(address) }));
    const [first] = found;
    if (all || !first) callback(null, found);
    else callback(null, first.address, first.family);
  };

function optionsOf(request: Request, { addresses, body, ca }: Sending) {
  const url = new URL(request.url);
  const headers = Object.fromEntries(request.headers);
  for (const name of OURS) delete headers[name];
  if (headers['user-agent'] === '') delete headers['user-agent'];
  const isEmpty = body.length === 0 && ['GET', 'HEAD'].includes(request.method);
  return {
    method: request.method,
    protocol: url.protocol,
    host: hostOf(url),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    headers: {
      ...headers,
      'accept-encoding': 'identity',
      ...(isEmpty ? {} : { 'content-length': String(body.length) }),
    },
    agent: false,
    lookup: lookupAmong(addresses),
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
  } satisfies RequestOptions;
}

/** Sends a request and reads its answer whole. Rejects with OutgoingError, an error of the network, or the signal's reason. */
export function send(request: Request, sending: Sending): Promise<Sent> {
  const { signal, limit } = sending;
  const { promise, resolve, reject } = Promise.withResolvers<Sent>();
  const options = optionsOf(request, sending);
  const sent = (options.protocol === 'https:' ? requestHttps : requestHttp)(options);
  const stop = (): void => {
    reject(signal.reason as Error);
    sent.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  sent.on('error', reject);
  sent.on('response', (answer) => {
    const { statusCode = 0, statusMessage = '', headers } = answer;
    readBody(answer, { host: options.host, limit })
      .then((bytes) => ({
        status: statusCode,
        statusText: statusMessage,
        headers: headersOf(headers),
        body: bytes,
      }))
      .then(resolve, reject)
      .finally(() => sent.destroy());
  });
  sent.end(sending.body);
  return promise.finally(() => signal.removeEventListener('abort', stop));
}

const tooLong = (host: string, limit: number) =>
  new OutgoingError('size', host, `answered with more than ${limit} bytes`);

interface Expected {
  readonly host: string;
  readonly limit: number;
}

async function readBody(answer: IncomingMessage, { host, limit }: Expected): Promise<Buffer> {
  const { headers } = answer;
  if (Number(headers['content-length'] ?? 0) > limit) throw tooLong(host, limit);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLong(host, limit);
    chunks.push(chunk);
  }
  return unpack(Buffer.concat(chunks), headers['content-encoding'], { host, limit });
}

/** Nothing packed was asked for; some servers have it in no other form. */
async function unpack(
  packed: Buffer,
  encoding = 'identity',
  { host, limit }: Expected,
): Promise<Buffer> {
  const options = { maxOutputLength: limit };
  const unpackers: Readonly<Record<string, () => Promise<Buffer>>> = {
    identity: async () => packed,
    gzip: () => promisify(unzip)(packed, options),
    deflate: () => promisify(unzip)(packed, options),
    br: () => promisify(brotliDecompress)(packed, options),
  };
  const run = Object.hasOwn(unpackers, encoding) ? unpackers[encoding] : undefined;
  if (packed.length === 0) return packed;
  if (!run)
    throw new OutgoingError('encoding', host, 'packed its answer in a way that was not asked for');
  try {
    return await run();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLong(host, limit);
    throw new OutgoingError('encoding', host, 'packed its answer in a way that is none');
  }
}

function headersOf(all: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(all)) {
    // Of the packed form; what is handed on is unpacked.
    if (name === 'content-encoding' || name === 'content-length') continue;
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  return headers;
}
