/** What the nemesis does to the stage. Each fault can be taken away again. */
import type { FaultProxy } from '../../support/fault-proxy.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Member, Stage } from './stage.ts';

export interface Fault {
  readonly name: string;
  begin(): Promise<void>;
  /** Resolves when what was broken is whole again. */
  heal(): Promise<void>;
}

/** Milliseconds. */
const LATENCY = 200;

/** Every fault once, in an order and on nodes that the seed decides; `restarts`: processes end and start, too. */
export function createFaults(stage: Stage, random: SeededRandom, restarts: boolean): Fault[] {
  const hit = random.pick(stage.members);
  const faults = [
    ...(['redis', 'postgres'] as const).flatMap((store) => ofLinks(stage, store, random)),
    ...ofRedis(stage),
    ofPostgres(stage),
    stopped(hit),
    ...(restarts ? restarted(hit) : []),
  ];
  return random.shuffle(faults);
}

function ofLinks(stage: Stage, store: 'redis' | 'postgres', random: SeededRandom): Fault[] {
  const { members } = stage;
  const fault = (name: string, set: (proxy: FaultProxy) => void): Fault => {
    const hit = random.pick<readonly Member[]>([members, [members[0]], [members[1]]]);
    const proxies = hit.map((member) => member[store]);
    return {
      name: `${store} ${name} at ${hit.map((member) => member.name).join(' and ')}`,
      begin: async () => proxies.forEach(set),
      async heal() {
        for (const proxy of proxies) Object.assign(proxy, { fault: 'pass', latency: 0 });
      },
    };
  };
  return [
    fault('hangs', (proxy) => {
      proxy.fault = 'hang';
    }),
    fault('executes and does not answer', (proxy) => {
      proxy.fault = 'drop-replies';
    }),
    fault('refuses connections', (proxy) => {
      proxy.fault = 'refuse';
      proxy.cut();
    }),
    fault('loses all connections', (proxy) => proxy.cut()),
    fault('takes 200 ms longer', (proxy) => {
      proxy.latency = LATENCY;
    }),
  ];
}

const nothing = async (): Promise<void> => undefined;

function ofRedis({ redis }: Stage): Fault[] {
  return [
    {
      name: 'redis is killed and comes back empty',
      begin: async () => redis.crash(),
      heal: () => redis.restart(),
    },
    {
      name: 'redis is stopped by SIGSTOP',
      begin: async () => redis.freeze(),
      heal: async () => redis.thaw(),
    },
    { name: 'redis loses everything (FLUSHALL)', begin: () => redis.flush(), heal: nothing },
    {
      name: 'redis has no memory left',
      begin: () => redis.configure({ maxmemory: '1', 'maxmemory-policy': 'noeviction' }),
      heal: () => redis.configure({ maxmemory: '0' }),
    },
    {
      name: 'redis evicts keys',
      async begin() {
        // Less than it holds: about every second key goes, and so do new ones.
        const maxmemory = String(Math.floor((await redis.usedMemory()) * 0.95));
        await redis.configure({ 'maxmemory-policy': 'allkeys-random', maxmemory });
      },
      heal: () => redis.configure({ maxmemory: '0', 'maxmemory-policy': 'noeviction' }),
    },
  ];
}

function ofPostgres({ postgres, query }: Stage): Fault {
  return {
    name: 'postgres is killed',
    begin: () => postgres.crash(),
    async heal() {
      const isUp = () =>
        query('SELECT 1').then(
          () => true,
          () => false,
        );
      while (!(await isUp()));
    },
  };
}

function stopped(member: Member): Fault {
  const signal = (kind: NodeJS.Signals) => void process.kill(member.server.pid, kind);
  return {
    name: `node ${member.name} is stopped by SIGSTOP`,
    begin: async () => signal('SIGSTOP'),
    heal: async () => signal('SIGCONT'),
  };
}

const restarted = (member: Member): Fault[] =>
  (['SIGKILL', 'SIGTERM'] as const).map((signal) => ({
    name: `node ${member.name} ends by ${signal}`,
    begin: () => member.end(signal),
    heal: () => member.start(),
  }));
