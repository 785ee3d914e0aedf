/** Several nodes of one service: two real processes, and one in this process through which a test makes its people. */
import type { Browser } from './browser.ts';
import { createTestDatabase } from './database.ts';
import { sharedRedisCluster } from './redis-cluster.ts';
import { SECRET_KEY, type ServerProcess, startServerProcess } from './server-process.ts';
import {
  type StoreKind,
  startTestApp,
  storeKinds,
  type TestApp,
  type TestAppOptions,
} from './test-app.ts';

/** Wherever requests can be sent. */
export interface Node {
  browser(): Browser;
}

export interface Nodes {
  /** A node like the others: same stores, keys and PUBLIC_URL. */
  readonly local: TestApp;
  readonly processes: readonly [ServerProcess, ServerProcess];
  /** One more process. It is stopped with the others. */
  start(settings?: Readonly<Record<string, string>>): Promise<ServerProcess>;
  stop(): Promise<void>;
}

/** PUBLIC_URL of all nodes. */
export const ISSUER = 'https://auth.example.com';

/** On a database of their own; `options` are those of the local node, its settings those of every node. */
export async function startNodes(store: StoreKind, options: TestAppOptions = {}): Promise<Nodes> {
  const database = await createTestDatabase();
  const local = await startTestApp({
    ...options,
    store,
    database,
    origin: ISSUER,
    settings: { ...options.settings, SECRET_KEY },
  });
  const all: ServerProcess[] = [];
  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<ServerProcess> => {
    const server = await startServerProcess({
      issuer: local.issuer,
      databaseUrl: database.url,
      redisUrl: store === 'redis' ? (options.redisUrl ?? process.env['TEST_REDIS_URL']) : undefined,
      settings: { ...options.settings, ...settings },
    });
    all.push(server);
    return server;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(all.map((server) => server.stop()));
    await local.close();
    await database.drop();
  };
  const [first, second] = await Promise.allSettled([start(), start()]);
  if (first.status === 'rejected' || second.status === 'rejected') {
    await stop();
    throw first.status === 'rejected' ? first.reason : (second as PromiseRejectedResult).reason;
  }
  return { local, processes: [first.value, second.value], start, stop };
}

/** The stores that races are run on. */
export type RaceStore = StoreKind | 'redis-cluster';

export const raceStores: readonly RaceStore[] = storeKinds.includes('redis')
  ? [...storeKinds, 'redis-cluster']
  : storeKinds;

/** The same, on a three-master Cluster too; undefined when this machine cannot start one. */
export async function startRaceNodes(
  store: RaceStore,
  options: TestAppOptions = {},
): Promise<Nodes | undefined> {
  if (store !== 'redis-cluster') return startNodes(store, options);
  const cluster = await sharedRedisCluster();
  return cluster && startNodes('redis', { ...options, redisUrl: cluster.url });
}

/** `count` calls at once, spread evenly over the nodes. */
export const inParallel = <Result>(
  count: number,
  nodes: readonly Node[],
  call: (node: Node, index: number) => Promise<Result>,
): Promise<Result[]> =>
  Promise.all(
    Array.from({ length: count }, (_, index) => call(nodes[index % nodes.length] as Node, index)),
  );
