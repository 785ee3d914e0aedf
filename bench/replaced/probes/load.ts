/** Loads a package of the scratch folder, whose types nobody knows here. */
import { createRequire } from 'node:module';
import path from 'node:path';

/** The scratch folder that the probe was started with. */
export const scratch = (): string => {
  const [, , folder] = process.argv;
  if (folder === undefined) throw new Error('started without the scratch folder');
  return folder;
};

/** What the package exports, as the caller says. `side` is its folder. */
export const load = <Exports>(side: string, name: string): Exports =>
  createRequire(path.join(scratch(), side, 'package.json'))(name) as Exports;

/** Microseconds of CPU that `work` takes, all threads of this process; the least of several goes. */
export async function leastCpu(goes: number, work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let go = 0; go < goes; go += 1) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, user + system);
  }
  return least;
}
