/** Servers on loopback addresses that count who connects, and answer as they are told. */
import { once } from 'node:events';
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Certificate } from './rp-certificate.ts';

export interface Listener {
  readonly port: number;
  /** Connections so far, whatever became of them. */
  connections: number;
  /** Host name that TLS was asked for, of each request. */
  readonly serverNames: (string | false | null | undefined)[];
  close(): void;
}

export interface ListenOptions {
  readonly address?: string;
  readonly port?: number;
  /** Over TLS. Default: plain http. */
  readonly certificate?: Certificate;
}

export async function listenWith(
  answer: RequestListener,
  { address = '127.0.0.1', port = 0, certificate }: ListenOptions = {},
): Promise<Listener> {
  const serverNames: Listener['serverNames'] = [];
  const note: RequestListener = (req, res) => {
    serverNames.push((req.socket as TLSSocket).servername);
    answer(req, res);
  };
  const server: Server = certificate ? createHttps(certificate, note) : createHttp(note);
  return count(server.listen(port, address), serverNames, () => server.closeAllConnections());
}

/** Takes connections on every address of this machine, and says nothing. */
export const listenOnAll = (): Promise<Listener> =>
  count(createTcp().listen(0, '::'), [], () => undefined);

async function count(
  server: ReturnType<typeof createTcp>,
  serverNames: Listener['serverNames'],
  end: () => void,
): Promise<Listener> {
  const listener = { port: 0, connections: 0, serverNames, close: () => undefined as void };
  server.on('connection', (socket) => {
    listener.connections += 1;
    socket.on('error', () => undefined);
  });
  await once(server, 'listening');
  listener.port = (server.address() as AddressInfo).port;
  listener.close = () => {
    end();
    server.close();
  };
  return listener;
}
