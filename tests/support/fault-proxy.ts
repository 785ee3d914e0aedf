/** A TCP proxy that misbehaves as told: for what happens when a store hangs, is cut off or gone. */
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * `pass`: as if it were not there. `hang`: requests go nowhere. `drop-replies`: requests arrive, replies
 * do not. A connection that lost bytes stays dead for good, as TCP has it: only new ones pass again.
 * `refuse`: connections are closed as soon as they come.
 */
export type Fault = 'pass' | 'hang' | 'drop-replies' | 'refuse';

export interface FaultProxy {
  readonly port: number;
  fault: Fault;
  /** Milliseconds that every reply takes longer. */
  latency: number;
  /** Cuts the connections there are. */
  cut(): void;
  close(): Promise<void>;
}

export async function startFaultProxy(target: { host: string; port: number }): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A broken connection is what the proxy is for.
    socket.on('error', () => socket.destroy());
    return socket;
  };

  const server = createServer((client) => {
    keep(client);
    if (proxy.fault === 'refuse') return client.destroy();
    const upstream = keep(createConnection(target));
    let isDead = false;
    client.on('data', (bytes) => {
      isDead ||= proxy.fault === 'hang';
      if (!isDead) upstream.write(bytes);
    });
    // Bytes never overtake those before them, also when the latency becomes less.
    let delivered: Promise<unknown> = Promise.resolve();
    upstream.on('data', (bytes) => {
      isDead ||= proxy.fault !== 'pass';
      const due = proxy.latency > 0 ? delay(proxy.latency) : undefined;
      delivered = delivered.then(() => due).then(() => isDead || client.write(bytes));
    });
    client.on('close', () => upstream.destroy());
    return upstream.on('close', () => client.destroy());
  });

  const proxy: FaultProxy = {
    port: 0,
    fault: 'pass',
    latency: 0,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      proxy.cut();
      server.close();
      await once(server, 'close');
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port');
  return Object.assign(proxy, { port: address.port });
}
