/** A relying party with an address of its own, so that redirects really arrive in the browser. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface RelyingPartySite {
  readonly origin: string;
  readonly redirectUri: string;
  readonly postLogoutRedirectUri: string;
  /** Addresses of the same party that redirect on, to the same path at `home`: an API that hands over to its front end. */
  readonly goingOn: {
    readonly redirectUri: string;
    readonly postLogoutRedirectUri: string;
    /** Its host is another one than that of `origin`. */
    readonly home: string;
  };
  /** Everything that browsers sent here, headers included, one text a request. */
  readonly received: readonly string[];
  close(): Promise<void>;
}

/** What came with a request to the redirect URI; the page shows it as JSON. */
export interface Arrival {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
}

/** The heading of its only page. */
export const ARRIVED = 'Back at the app';

export async function startRelyingPartySite(): Promise<RelyingPartySite> {
  const received: string[] = [];
  let home = '';
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    received.push([request.method, request.url, ...request.rawHeaders, body].join('\n'));
    const on = /^\/go-on(\/[^?]*)/.exec(request.url ?? '')?.[1];
    if (on !== undefined) {
      const params = new URLSearchParams(arrivalOf(request, body).params);
      response.writeHead(302, { location: `${home}${on}?${params}` });
      return void response.end();
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(page(arrivalOf(request, body)));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  home = `http://localhost:${port}`;
  return {
    origin,
    redirectUri: `${origin}/callback`,
    postLogoutRedirectUri: `${origin}/signed-out`,
    goingOn: {
      redirectUri: `${origin}/go-on/callback`,
      postLogoutRedirectUri: `${origin}/go-on/signed-out`,
      home,
    },
    received,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function arrivalOf({ method = '', url = '', headers }: IncomingMessage, body: string): Arrival {
  const { origin, pathname, searchParams } = new URL(url, `http://${headers.host}`);
  const params = method === 'POST' ? new URLSearchParams(body) : searchParams;
  return { origin, method, path: pathname, params: Object.fromEntries(params) };
}

/** Its icon is empty, so that browsers ask for none. */
const page = (arrival: Arrival): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${ARRIVED}</title><link rel="icon" href="data:,"></head>
<body><h1>${ARRIVED}</h1><script type="application/json">${JSON.stringify(arrival).replaceAll('<', '\\u003c')}</script></body>
</html>`;
