/** An attacker's web server that hands out the attacker's keys, and counts who asks. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface KeyHost {
  readonly url: string;
  /** Method and path of every request, and `connection` for every socket that was opened. */
  readonly hits: readonly string[];
  close(): Promise<void>;
}

export async function startKeyHost(keys: readonly object[]): Promise<KeyHost> {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    response.setHeader('content-type', 'application/jwk-set+json');
    response.end(JSON.stringify({ keys }));
  });
  server.on('connection', () => hits.push('connection'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hits,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
