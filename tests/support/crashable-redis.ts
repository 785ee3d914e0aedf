/** A Redis for one test, which may kill, stop and starve it. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { startOwnRedis } from './own-redis.ts';
import type { PrivateRedis } from './private-redis.ts';

export interface CrashableRedis {
  readonly address: { readonly host: string; readonly port: number };
  /** SIGKILL. */
  crash(): void;
  /** An empty one in its place. */
  restart(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  freeze(): void;
  thaw(): void;
  flush(): Promise<void>;
  /** CONFIG SET, for `maxmemory` and the like. */
  configure(settings: Readonly<Record<string, string>>): Promise<void>;
  /** Bytes it uses, as `maxmemory` counts them. */
  usedMemory(): Promise<number>;
  stop(): Promise<void>;
}

/** Undefined when this machine has no Redis and cannot get one. */
export async function startCrashableRedis(): Promise<CrashableRedis | undefined> {
  const service = await startOwnRedis();
  if (!service) return undefined;
  let client = await connect(service);
  return {
    address: { host: '127.0.0.1', port: service.port },
    crash() {
      client.disconnect();
      service.signal('SIGKILL');
    },
    async restart() {
      await service.restart();
      client = await connect(service);
    },
    freeze: () => service.signal('SIGSTOP'),
    thaw: () => service.signal('SIGCONT'),
    flush: async () => void (await client.flushall()),
    async configure(settings) {
      for (const pair of Object.entries(settings)) await client.config('SET', ...pair);
    },
    async usedMemory() {
      const [, bytes] = /^used_memory:(\d+)/m.exec(await client.info('memory')) ?? [];
      return Number(bytes);
    },
    async stop() {
      client.disconnect();
      await service.stop();
    },
  };
}

async function connect({ url }: PrivateRedis): Promise<Redis> {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on('error', () => undefined); // It is killed on purpose.
  await once(client, 'ready');
  return client;
}
