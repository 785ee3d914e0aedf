import type { FaultWindow } from '../history.ts';

/** Milliseconds of the longest stretch between two times in which there was no fault. */
export function quietSince(from: number, to: number, faults: readonly FaultWindow[]): number {
  let longest = 0;
  let start = from;
  for (const { began, healed } of [...faults].sort((a, b) => a.began - b.began)) {
    if (healed <= start || began >= to) continue;
    longest = Math.max(longest, began - start);
    start = healed;
  }
  return Math.max(longest, to - start);
}
