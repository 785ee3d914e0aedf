/** One transaction would have done more than a batch, and has done nothing: batches come first. Never leaves the server. */
export class MoreThanABatch extends Error {
  override readonly name = 'MoreThanABatch';
}

/**
 * Does `whole`, one transaction, and where that throws `MoreThanABatch`, does `batches` before it is tried again. So what is
 * at most a batch is done at once or not at all; what is more goes in batches first, and refusals of `whole` come before
 * the first of them. As often as more than a batch has come meanwhile.
 */
export async function wholeOrBatches<Result>(
  whole: () => Promise<Result>,
  batches: () => Promise<unknown>,
): Promise<Result> {
  for (;;) {
    try {
      return await whole();
    } catch (error) {
      if (!(error instanceof MoreThanABatch)) throw error;
    }
    await batches();
  }
}
