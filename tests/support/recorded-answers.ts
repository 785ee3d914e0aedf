/** What a server answered: taken down as it goes out, to be compared with the API's document. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export interface RecordedAnswer {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Content type of the request, bare. */
  readonly sent: string;
  readonly status: number;
  /** Content type, bare; empty when there is none. */
  readonly type: string;
  readonly headers: Readonly<Record<string, number | string | string[] | undefined>>;
  readonly body: string;
}

const bare = (type: unknown): string =>
  (String(type ?? '').split(';')[0] ?? '').trim().toLowerCase();

type Chunk = string | Uint8Array;

/** Keeps what is written; a stream of events has no end to wait for. */
function keepChunks(res: ServerResponse): readonly Buffer[] {
  const chunks: Buffer[] = [];
  const keep = (chunk: unknown): void => {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return;
    if (bare(res.getHeader('content-type')) === 'text/event-stream') return;
    chunks.push(Buffer.from(chunk as Chunk as string));
  };
  const { write, end } = res;
  res.write = ((...args: unknown[]) => {
    keep(args[0]);
    return Reflect.apply(write, res, args) as boolean;
  }) as typeof res.write;
  res.end = ((...args: unknown[]) => {
    keep(args[0]);
    return Reflect.apply(end, res, args) as ServerResponse;
  }) as typeof res.end;
  return chunks;
}

/** The same listener; each answer that is sent to its end is handed to `take`. */
export const recording =
  (listener: RequestListener, take: (answer: RecordedAnswer) => void): RequestListener =>
  (req: IncomingMessage, res: ServerResponse<IncomingMessage> & { req: IncomingMessage }) => {
    const chunks = keepChunks(res);
    res.on('finish', () =>
      take({
        method: req.method ?? '',
        path: (req.url ?? '').split('?')[0] ?? '',
        sent: bare(req.headers['content-type']),
        status: res.statusCode,
        type: bare(res.getHeader('content-type')),
        headers: res.getHeaders(),
        body: Buffer.concat(chunks).toString(),
      }),
    );
    listener(req, res);
  };
