/** What server processes hold, as the kernel and their own metrics tell. */
import { readdir } from 'node:fs/promises';
import type { Resources } from './history.ts';
import type { Member } from './stage.ts';

/** A collection of garbage may come after the measurement that asked for it: what counts is the least of some. */
const TIMES = 4;

export const measure = (
  members: readonly Member[],
  when: Resources['when'],
): Promise<Resources[]> =>
  Promise.all(
    members.map(async (member) => {
      let least = await measureOnce(member, when);
      for (let time = 1; time < TIMES; time += 1) {
        const next = await measureOnce(member, when);
        if (next.heap < least.heap) least = next;
      }
      return least;
    }),
  );

async function measureOnce({ name, server }: Member, when: Resources['when']): Promise<Resources> {
  // Garbage is collected when the signal is heard.
  process.kill(server.pid, 'SIGUSR2');
  await server.health('live');
  const metrics = await (await fetch(`${server.socket}/metrics`)).text();
  const read = (metric: string): number =>
    Number(new RegExp(`^${metric} (\\S+)`, 'm').exec(metrics)?.[1]);
  return {
    node: name,
    when,
    fileDescriptors: (await readdir(`/proc/${server.pid}/fd`)).length,
    handles: read('nodejs_active_handles_total'),
    heap: read('nodejs_heap_size_used_bytes'),
  };
}
