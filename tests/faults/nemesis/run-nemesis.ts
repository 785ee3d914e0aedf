/** Load, one fault after the other, and the history of both. */
import { setTimeout as delay } from 'node:timers/promises';
import { visitClients } from './client-load.ts';
import { createFaults } from './faults.ts';
import { createRecorder, type FaultWindow, type History, type Recorder } from './history.ts';
import { measure } from './measure.ts';
import { bePeople } from './person-load.ts';
import { probe } from './probe.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Stage } from './stage.ts';
import { beSuperuser } from './superuser-load.ts';
import type { World } from './world.ts';

export interface NemesisOptions {
  readonly stage: Stage;
  readonly random: SeededRandom;
  /** Milliseconds in which faults begin. */
  readonly duration: number;
  /** Kinds of operations that are waited for when the faults are over: these may fall so that somebody waits through all of them. */
  readonly wanted: readonly string[];
  /** Of each fault. */
  readonly log: (line: string) => void;
}

/** Milliseconds after which a node that has not recovered is given up. */
const PATIENCE = 10_000;
/** Milliseconds of a run in which there is time for a process to start again. */
const LONG = 30_000;
/** Who come to each node at once before the first fault. */
const CROWD = 20;
/** Milliseconds between two looks at the superusers. */
const COUNTING = 100;

const now = (): number => performance.now();

/** Resolves when the load has ended and all faults have healed. */
export async function runNemesis(options: NemesisOptions): Promise<History> {
  const { stage, random } = options;
  const recorder = createRecorder(now);
  const stop = new AbortController();
  await warmUp(stage, recorder);
  await recover(stage, recorder);
  const base = await measure(stage.members, 'base');
  const load = startLoad(stage, recorder, random, stop.signal);
  const faults = await Promise.race([
    haveFaults(options, recorder).then((windows) => seeAll(options.wanted, recorder, windows)),
    // A worker never ends before it is told to, except by a mistake of this test.
    load.then(() => Promise.reject(new Error('the load has ended'))),
  ]).finally(() => stop.abort());
  await load;
  return {
    operations: recorder.operations,
    faults,
    accounts: await countAccounts(stage),
    resources: [...base, ...(await measure(stage.members, 'end'))],
  };
}

function startLoad(
  stage: Stage,
  recorder: Recorder,
  random: SeededRandom,
  stop: AbortSignal,
): Promise<unknown> {
  let names = 0;
  const world = (worker: string): World => ({
    ...stage,
    recorder,
    random: random.fork(worker),
    stop,
    name: (what) => `${what} ${++names}`.replaceAll(' ', '-'),
  });
  return Promise.all([
    ...['people 1', 'people 2'].map((name) => bePeople(world(name))),
    ...['visitors 1', 'visitors 2'].map((name) => visitClients(world(name))),
    beSuperuser(world('superuser 0'), 0),
    beSuperuser(world('superuser 1'), 1),
    countSuperusers(stage, recorder, stop),
  ]);
}

/** Faults in random order, each for a random time, until the time is over. */
async function haveFaults(
  { stage, random, duration, log }: NemesisOptions,
  recorder: Recorder,
): Promise<FaultWindow[]> {
  const windows: FaultWindow[] = [];
  const end = now() + duration;
  while (now() < end) {
    for (const fault of createFaults(stage, random, duration >= LONG)) {
      if (now() >= end) break;
      const began = now();
      await fault.begin();
      await delay(200 + random.below(800));
      await fault.heal();
      const healed = now();
      windows.push({ name: fault.name, began, healed });
      await recover(stage, recorder);
      log(
        `${fault.name}: ${Math.round(healed - began)} ms, recovery ${Math.round(now() - healed)} ms`,
      );
    }
  }
  return windows;
}

/** Resolves when each of these kinds has succeeded once, or the patience is over. */
async function seeAll<Faults>(
  kinds: readonly string[],
  { operations }: Recorder,
  faults: Faults,
): Promise<Faults> {
  const isSeen = (kind: string): boolean =>
    operations.some((one) => one.kind === kind && one.outcome === 'ok');
  const end = now() + PATIENCE;
  while (!kinds.every(isSeen) && now() < end) await delay(COUNTING);
  return faults;
}

/** So that pools of connections are as full as they get, before anything is measured. */
async function warmUp({ members, cast }: Stage, recorder: Recorder): Promise<void> {
  const crowd = Array.from({ length: CROWD }, () => members).flat();
  await Promise.all(crowd.map((member) => probe(recorder, cast, member)));
}

/** Resolves when every node does everything again, or is given up. */
async function recover({ members, cast }: Stage, recorder: Recorder): Promise<void> {
  const end = now() + PATIENCE;
  await Promise.all(
    members.map(async (member) => {
      while (!(await probe(recorder, cast, member)) && now() < end) await delay(20);
    }),
  );
}

async function countSuperusers(stage: Stage, recorder: Recorder, stop: AbortSignal): Promise<void> {
  const plan = { kind: 'count superusers', node: 'postgres' };
  while (!stop.aborted) {
    await recorder.record(
      plan,
      () => stage.query<{ count: string }>(SUPERUSERS),
      ([row]) => ({ status: 200, hasRetryAfter: false, gave: row?.count ?? '0' }),
    );
    await delay(COUNTING);
  }
}

const SUPERUSERS = `SELECT count(DISTINCT users.id) FROM users JOIN user_roles ON user_id = users.id
  JOIN roles ON roles.id = role_id WHERE roles.name = 'superuser' AND disabled_at IS NULL`;

async function countAccounts(stage: Stage): Promise<Map<string, number>> {
  const rows = await stage.query<{ email: string; count: string }>(
    'SELECT lower(email) AS email, count(*) FROM users GROUP BY 1',
  );
  return new Map(rows.map(({ email, count }) => [email, Number(count)]));
}
