/** An HTTP proxy that Chromium is told to use, for plain http: takes headers of requests away, and may hold a request back. */
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
  request as send,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HeaderFilter {
  /** For the `proxy` of a browser context; names of this machine go through it as well. */
  readonly proxy: { readonly server: string; readonly bypass: string };
  /** Headers of requests that do not come through. */
  drops: RegExp;
  /** Header names of the form posts that came so far, as the server got them. */
  readonly posts: string[][];
  /** Holds the next request for this path: `arrived` when it came, with its cookies; the server has it once `release` was called. */
  hold(path: string): { readonly arrived: Promise<void>; release(): void };
  close(): Promise<void>;
}

interface Held {
  readonly path: string;
  readonly arrive: () => void;
  readonly released: Promise<void>;
}

export async function startHeaderFilter(drops: RegExp = /^$/): Promise<HeaderFilter> {
  const posts: string[][] = [];
  const holds: Held[] = [];

  const relay = (asked: IncomingMessage, url: URL) => {
    const kept = Object.entries(asked.headers).filter(
      ([name]) => !filter.drops.test(name) && name !== 'proxy-connection',
    );
    if (asked.method === 'POST') posts.push(kept.map(([name]) => name));
    return send(url, { method: asked.method ?? 'GET', headers: Object.fromEntries(kept) });
  };

  const pass = async (asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const url = new URL(asked.url ?? '');
    const index = holds.findIndex(({ path }) => path === url.pathname);
    const [held] = index < 0 ? [] : holds.splice(index, 1);
    held?.arrive();
    await held?.released;
    const relayed = relay(asked, url);
    relayed.on('error', () => answer.destroy());
    relayed.on('response', (given) => {
      answer.writeHead(given.statusCode ?? 502, given.rawHeaders);
      given.pipe(answer);
    });
    asked.pipe(relayed);
  };

  const server = createServer((asked, answer) => {
    pass(asked, answer).catch(() => answer.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const filter: HeaderFilter = {
    proxy: { server: `http://127.0.0.1:${port}`, bypass: '<-loopback>' },
    drops,
    posts,
    hold(path) {
      const arrived = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      holds.push({ path, arrive: arrived.resolve, released: released.promise });
      return { arrived: arrived.promise, release: released.resolve };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return filter;
}
