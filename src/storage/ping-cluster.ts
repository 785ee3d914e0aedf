import type { Cluster, Redis } from 'ioredis';

const keyOf = ({ options: { host, port } }: Redis): string => `${host}:${port}`;

/**
 * Resolves when a Cluster is whole: each master answers, and has it for complete. Throws an Error that names the master
 * otherwise. Which masters there are, they say: ioredis forgets one whose connection ended, until a command is meant for it.
 */
export async function pingCluster(cluster: Cluster): Promise<void> {
  const known = cluster.nodes('master');
  if (known.length === 0) throw new Error('no master of the Cluster answers');
  const named = new Set((await Promise.all(known.map(askMaster))).flat());
  for (const one of known) named.delete(keyOf(one));
  if (named.size === 0) return;
  await new Promise<void>((resolve) => cluster.refreshSlotsCache(() => resolve()));
  const found = cluster.nodes('master').filter((one) => named.has(keyOf(one)));
  await Promise.all(found.map(askMaster));
  for (const one of found) named.delete(keyOf(one));
  if (named.size > 0) throw new Error(`there is no connection to master ${[...named].join(', ')}`);
}

/** The masters that this one knows, itself included. */
async function askMaster(master: Redis): Promise<string[]> {
  try {
    const [info, slots] = await Promise.all([master.cluster('INFO'), master.cluster('SLOTS')]);
    const [, state] = /^cluster_state:(\w+)/m.exec(String(info)) ?? [];
    if (state !== 'ok') throw new Error(`cluster_state is ${state}`);
    return slots.flatMap(([, , owner]) => (owner?.[0] ? [`${owner[0]}:${owner[1]}`] : []));
  } catch (error) {
    throw new Error(`${(error as Error).message} (master ${keyOf(master)})`);
  }
}
