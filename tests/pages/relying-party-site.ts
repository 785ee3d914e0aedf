/** A relying party with an address of its own, so that redirects really arrive in the browser. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface RelyingPartySite {
  readonly origin: string;
  readonly redirectUri: string;
  readonly postLogoutRedirectUri: string;
  /** Everything that browsers sent here, headers included, one text a request. */
  readonly received: readonly string[];
  close(): Promise<void>;
}

/** What came with a request to the redirect URI; the page shows it as JSON. */
export interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
}

/** The heading of its only page. */
export const ARRIVED = 'Back at the app';

export async function startRelyingPartySite(): Promise<RelyingPartySite> {
  const received: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    received.push([request.method, request.url, ...request.rawHeaders, body].join('\n'));
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(page(arrivalOf(request, body)));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    redirectUri: `${origin}/callback`,
    postLogoutRedirectUri: `${origin}/signed-out`,
    received,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function arrivalOf({ method = '', url = '' }: IncomingMessage, body: string): Arrival {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const params = method === 'POST' ? new URLSearchParams(body) : searchParams;
  return { method, path: pathname, params: Object.fromEntries(params) };
}

/** Its icon is empty, so that browsers ask for none. */
const page = (arrival: Arrival): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${ARRIVED}</title><link rel="icon" href="data:,"></head>
<body><h1>${ARRIVED}</h1><script type="application/json">${JSON.stringify(arrival).replaceAll('<', '\\u003c')}</script></body>
</html>`;
