/** A master, its replica and three sentinels of our own, gone with us. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { findOwnRedis } from './own-redis.ts';
import {
  askRedis,
  type PrivateRedis,
  type PrivateService,
  startPrivateRedis,
} from './private-redis.ts';
import type { RedisProgram } from './redis-programs.ts';

export interface RedisSentinel extends PrivateService {
  /** The master and its replica, as they were at the start. */
  readonly servers: readonly [PrivateRedis, PrivateRedis];
  readonly sentinels: readonly PrivateRedis[];
  /** The port of the server that all sentinels call the master; undefined while they disagree. */
  master(): Promise<number | undefined>;
  /** Resolves when the replica has everything and the sentinels know it. */
  whenReplicating(): Promise<void>;
}

const NAME = 'main';
const SENTINELS = 3;
/** Milliseconds without an answer after which a sentinel calls a server dead. */
const DOWN_AFTER = 500;
const PATIENCE = 20_000;

interface Member {
  readonly id: string;
  readonly port: number;
}

/** Undefined when this machine has no Redis and cannot get one. */
export async function startRedisSentinel(): Promise<RedisSentinel | undefined> {
  const program = await findOwnRedis();
  if (!program) return undefined;
  const servers = await Promise.all([startPrivateRedis(program), startPrivateRedis(program)]);
  const members: Member[] = [];
  for (let place = 0; place < SENTINELS; place += 1) {
    members.push({ id: randomBytes(20).toString('hex'), port: await freePort() });
  }
  const sentinels = await Promise.all(
    members.map((self) => startSentinel(program, self, members, servers)),
  );
  const set: RedisSentinel = {
    url: `redis-sentinel://${members.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${NAME}`,
    servers,
    sentinels,
    master: () => agreedMaster(members),
    whenReplicating: () => eventually(() => isReplicating(servers, members), PATIENCE),
    stop: async () => void (await Promise.all([...sentinels, ...servers].map((one) => one.stop()))),
  };
  await askRedis(servers[1].port, `REPLICAOF 127.0.0.1 ${servers[0].port}`);
  await set.whenReplicating();
  return set;
}

/** Everything that sentinels would find out about each other within some seconds is told them. */
function startSentinel(
  program: RedisProgram,
  self: Member,
  all: readonly Member[],
  [main, copy]: RedisSentinel['servers'],
): Promise<PrivateRedis> {
  const prepare = async (folder: string): Promise<string[]> => {
    const file = path.join(folder, 'sentinel.conf');
    const others = all.filter((one) => one !== self);
    const lines = [
      `port ${self.port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel myid ${self.id}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${main.port} 2`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER}`,
      `sentinel failover-timeout ${NAME} 5000`,
      `sentinel known-replica ${NAME} 127.0.0.1 ${copy.port}`,
      ...others.map(({ id, port }) => `sentinel known-sentinel ${NAME} 127.0.0.1 ${port} ${id}`),
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    return [file, '--sentinel'];
  };
  return startPrivateRedis(program, { port: self.port, prepare });
}

async function agreedMaster(sentinels: readonly Member[]): Promise<number | undefined> {
  const answers = await Promise.all(
    sentinels.map(({ port }) => askRedis(port, `SENTINEL GET-MASTER-ADDR-BY-NAME ${NAME}`)),
  );
  const [first, ...others] = answers.filter((answer) => answer !== '').map(portIn);
  return others.every((port) => port === first) ? first : undefined;
}

/** Of `127.0.0.1` and a port, in Redis' protocol. */
const portIn = (answer: string): number => Number(answer.trim().split('\r\n').at(-1));

async function isReplicating(
  servers: RedisSentinel['servers'],
  sentinels: readonly Member[],
): Promise<boolean> {
  const ask = (command: string) => async (one: { readonly port: number }) =>
    askRedis(one.port, command);
  const roles = await Promise.all(servers.map(ask('INFO replication')));
  const views = await Promise.all(sentinels.map(ask('INFO sentinel')));
  return (
    roles.some((role) => /^slave0:.*state=online/m.test(role)) &&
    views.every((view) => /^master0:.*status=ok,.*slaves=1,sentinels=3/m.test(view))
  );
}
