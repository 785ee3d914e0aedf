/** How much the contract test sends, and from which seed. */
import { randomInt } from 'node:crypto';

/** FUZZ_REQUESTS: requests in all. FUZZ_SEED: that of a run to be repeated. */
export const fuzzSettings = {
  requests: Number(process.env['FUZZ_REQUESTS'] ?? 20_000),
  seed: Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31)),
};
