/** A client's back-channel logout endpoint: a real HTTP server that keeps and proves what it receives. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { TestApp } from '../support/test-app.ts';

export type LogoutReceiver = Awaited<ReturnType<typeof startLogoutReceiver>>;

interface Received {
  readonly method: string | undefined;
  readonly contentType: string | undefined;
  readonly fields: URLSearchParams;
}

export async function startLogoutReceiver() {
  const received: Received[] = [];
  let status = 200;
  const receive = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    received.push({
      method: req.method,
      contentType: req.headers['content-type'],
      fields: new URLSearchParams(await text(req)),
    });
    res.writeHead(status, { 'cache-control': 'no-store' }).end();
  };
  const server = createServer((req, res) => {
    receive(req, res).catch((error: Error) => res.destroy(error));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    uri: `http://127.0.0.1:${port}/backchannel-logout`,
    received,
    /** What it answers from now on. */
    answerWith: (next: number): void => {
      status = next;
    },
    /** The claims of every logout token so far. Throws when one does not verify (OIDC Back-Channel Logout 1.0 §2.6). */
    async claims(app: TestApp, clientId: string): Promise<JWTPayload[]> {
      const keys = createRemoteJWKSet(new URL(`${app.issuer}/.well-known/jwks.json`));
      const tokens = received.map(({ fields }) => fields.get('logout_token') ?? '');
      const verified = tokens.map((token) =>
        jwtVerify(token, keys, { issuer: app.issuer, audience: clientId, typ: 'logout+jwt' }),
      );
      return (await Promise.all(verified)).map(({ payload }) => payload);
    },
    close: (): void => {
      server.closeAllConnections();
      server.close();
    },
  };
}
