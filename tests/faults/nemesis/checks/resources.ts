import type { History, Resources } from '../history.ts';

/** File descriptors, and handles of the event loop, that may be open more than before. */
const MORE_OPEN = 10;
/** Bytes. */
const MORE_HEAP = 32 * 1024 ** 2;

/** I7: memory, file descriptors and handles return to base. */
export function checkResources({ resources }: History): string[] {
  return resources
    .filter(({ when }) => when === 'end')
    .flatMap((end) => {
      const base = resources.find(({ when, node }) => when === 'base' && node === end.node);
      return base ? compare(base, end) : [`${end.node} was not measured before`];
    });
}

function compare(base: Resources, end: Resources): string[] {
  const limits = { fileDescriptors: MORE_OPEN, handles: MORE_OPEN, heap: MORE_HEAP };
  return (Object.keys(limits) as (keyof typeof limits)[])
    .filter((name) => end[name] > base[name] + limits[name])
    .map((name) => `${end.node}: ${name} went from ${base[name]} to ${end[name]}`);
}
