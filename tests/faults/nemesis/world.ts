/** What every worker of the load is given. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Plan, Recorded, Recorder, Reply } from './history.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Cast, Member } from './stage.ts';

export interface World {
  readonly members: readonly [Member, Member];
  readonly cast: Cast;
  readonly recorder: Recorder;
  readonly random: SeededRandom;
  /** Aborted when the load ends. */
  readonly stop: AbortSignal;
  /** A name nobody has had, with this at its beginning. */
  name(what: string): string;
}

/** Calls one of the nodes and writes down what came of it. */
export function at<Value>(
  { recorder }: World,
  member: Member,
  plan: Omit<Plan, 'node'>,
  call: (member: Member) => Promise<Value>,
  read: (value: Value) => Reply,
): Promise<Recorded<Value>> {
  return recorder.record({ ...plan, node: member.name }, () => call(member), read);
}

/** Milliseconds: time to think, and to leave the processors to others. */
export const think = ({ random }: World): Promise<void> => delay(5 + random.below(30));

/** Asks again while nobody knows what came of it, as a client does; at most `limit` times. */
export async function insist<Value>(
  world: World,
  call: () => Promise<Recorded<Value>>,
  limit = 40,
): Promise<Recorded<Value>> {
  let last = await call();
  for (let turn = 1; turn < limit && last.outcome === 'unknown'; turn += 1) {
    await delay(50 + world.random.below(100));
    last = await call();
  }
  return last;
}
