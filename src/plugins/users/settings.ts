import { z } from 'zod';

const count = z.coerce.number().int();

/** Floors are those of OWASP and SP 800-63B: a lower one is a mistake, not a choice. */
export const settings = z.object({
  PASSWORD_MIN_LENGTH: count
    .min(8)
    .max(64)
    .default(12)
    .describe('Shortest password that can be set, in characters (at least 8)'),
  PASSWORD_PEPPER: z
    .string()
    .regex(/^[^,]{32,}(,[^,]{32,})*$/, 'each pepper needs at least 32 characters')
    .optional()
    .describe(
      'Secret that every password hash is keyed with; losing it locks everybody out. A comma list rotates it: the first one hashes, all of them verify',
    )
    .meta({ secret: true }),
  ARGON2_MEMORY_KIB: count
    .min(19456)
    .max(1048576)
    .default(19456)
    .describe('Memory of one password hash, in KiB (at least 19456)'),
  ARGON2_PASSES: count
    .min(2)
    .max(100)
    .default(2)
    .describe('Passes of one password hash (at least 2)'),
  HASH_SLOTS: count
    .min(1)
    .max(64)
    .optional()
    .describe(
      'Password hashes computed at once; default min(cores, 2), because signing shares the thread pool',
    ),
  HASH_QUEUE: count
    .min(0)
    .max(10_000)
    .default(64)
    .describe('Password hashes that wait for a slot before callers are told to come back (503)'),
  HASH_PATIENCE: count
    .min(1)
    .max(300)
    .default(5)
    .describe(
      'Seconds that a password hash may wait for a slot; after that its caller is told to come back (503)',
    ),
});
