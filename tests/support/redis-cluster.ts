/** A Redis Cluster of our own, gone with us: three masters that share the slots, each with replicas when asked. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { findOwnRedis } from './own-redis.ts';
import {
  askRedis,
  flags,
  LOSING_EVERYTHING,
  type PrivateRedis,
  type PrivateService,
  startPrivateRedis,
} from './private-redis.ts';

export interface ClusterOptions {
  /** For each master. Default: none. */
  readonly replicas?: number;
}

export interface ClusterNode extends PrivateRedis {
  /** By which CLUSTER commands name it. */
  readonly id: string;
}

export interface RedisCluster extends PrivateService {
  /** Each with a third of the slots, in order. */
  readonly masters: readonly ClusterNode[];
  /** Those of the first master first. */
  readonly replicas: readonly ClusterNode[];
  /** Resolves when every node that runs takes the Cluster for complete. */
  whenOk(): Promise<void>;
}

const MASTERS = 3;
const SLOTS = 16_384;
/** Milliseconds without an answer after which the others call a node dead. */
const NODE_TIMEOUT = 1_000;
/** A Cluster takes no commands in its first two seconds. */
const FORMATION = 20_000;

interface Member {
  readonly id: string;
  readonly port: number;
  readonly bus: number;
  /** Its number for a master, its master's for a replica. */
  readonly shard: number;
  readonly isMaster: boolean;
}

/** Undefined when this machine has no Redis and cannot get one; below Redis 7 it throws. */
export async function startRedisCluster(
  options: ClusterOptions = {},
): Promise<RedisCluster | undefined> {
  const program = await findOwnRedis();
  if (!program) return undefined;
  const members: Member[] = [];
  for (let place = 0; place < MASTERS * (1 + (options.replicas ?? 0)); place += 1) {
    members.push({
      id: randomBytes(20).toString('hex'),
      port: await freePort(),
      bus: await freePort(),
      shard: place % MASTERS,
      isMaster: place < MASTERS,
    });
  }
  const nodes = await Promise.all(
    members.map(async (member): Promise<ClusterNode> => {
      const prepare = async (folder: string) => {
        await writeFile(path.join(folder, 'nodes.conf'), topology(members, member));
        return settings(member, folder);
      };
      const redis = await startPrivateRedis(program, { port: member.port, prepare });
      return { ...redis, id: member.id };
    }),
  );
  const cluster: RedisCluster = {
    url: `redis-cluster://${members.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masters: nodes.slice(0, MASTERS),
    replicas: nodes.slice(MASTERS),
    whenOk: () => eventually(() => allOk(members), FORMATION),
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  };
  await cluster.whenOk();
  return cluster;
}

/** What each node would have written down after everybody had met: so nobody has to. */
function topology(members: readonly Member[], self: Member): string {
  const lines = members.map((member) => {
    const { id, port, bus, shard, isMaster } = member;
    const [first, next] = [shard, shard + 1].map((at) => Math.ceil((SLOTS * at) / MASTERS));
    const master = members.find((one) => one.isMaster && one.shard === shard);
    const role = `${member === self ? 'myself,' : ''}${isMaster ? 'master -' : `slave ${master?.id}`}`;
    const slots = isMaster ? ` ${first}-${(next ?? SLOTS) - 1}` : '';
    return `${id} 127.0.0.1:${port}@${bus} ${role} 0 0 ${shard + 1} connected${slots}`;
  });
  return `${lines.join('\n')}\nvars currentEpoch ${MASTERS} lastVoteEpoch 0\n`;
}

const settings = ({ port, bus }: Member, folder: string): string[] =>
  flags({
    ...LOSING_EVERYTHING,
    port,
    dir: folder,
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-port': bus,
    'cluster-node-timeout': NODE_TIMEOUT,
  });

async function allOk(members: readonly Member[]): Promise<boolean> {
  const states = await Promise.all(members.map(({ port }) => askRedis(port, 'CLUSTER INFO')));
  return states.every((state) => state === '' || state.includes('cluster_state:ok'));
}

let shared: Promise<RedisCluster | undefined> | undefined;

/** One for all files of a run that only use it: started for the first, gone with the run. */
export function sharedRedisCluster(): Promise<RedisCluster | undefined> {
  shared ??= startRedisCluster();
  return shared;
}
