/** Rows that one statement or transaction changes at most where the data, not a person, decides how many there are. */
export const BATCH = 500;

/**
 * Does work of any size a batch at a time. `step` does at most `size` items, in one statement or one short transaction, and
 * answers how many; it is called until it did fewer. Resolves to the sum. What `step` throws ends the work: the batches
 * before stay done, so the same call again goes on from there.
 */
export async function inBatches(
  step: (size: number) => Promise<number>,
  size = BATCH,
): Promise<number> {
  let total = 0;
  for (;;) {
    const done = await step(size);
    total += done;
    if (done < size) return total;
  }
}
