/** A Redis for one test, which may kill, stop and starve it. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { startOwnRedis } from './own-redis.ts';
import type { PrivateService } from './private-redis.ts';

export interface CrashableRedis {
  readonly address: { readonly host: string; readonly port: number };
  /** SIGKILL. */
  crash(): Promise<void>;
  /** An empty one in its place, elsewhere: `address` follows. */
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
  const first = await startOwnRedis();
  if (!first) return undefined;
  let service: PrivateService = first;
  let { client, pid } = await connect(service);
  const address = { host: '127.0.0.1', port: portOf(service) };
  const signal = (name: NodeJS.Signals): void => void process.kill(pid, name);
  const end = async (): Promise<void> => {
    client.disconnect();
    await service.stop();
  };
  return {
    address,
    async crash() {
      signal('SIGKILL');
      await end();
    },
    async restart() {
      const next = await startOwnRedis();
      if (!next) throw new Error('Redis did not start again');
      service = next;
      ({ client, pid } = await connect(service));
      address.port = portOf(service);
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    flush: async () => void (await client.flushall()),
    async configure(settings) {
      for (const pair of Object.entries(settings)) await client.config('SET', ...pair);
    },
    usedMemory: async () => field(await client.info('memory'), 'used_memory'),
    stop: end,
  };
}

async function connect({ url }: PrivateService): Promise<{ client: Redis; pid: number }> {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on('error', () => undefined); // It is killed on purpose.
  await once(client, 'ready');
  return { client, pid: field(await client.info('server'), 'process_id') };
}

const field = (info: string, name: string): number =>
  Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);

const portOf = ({ url }: PrivateService): number => Number(new URL(url).port);
