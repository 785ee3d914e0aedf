import { z } from 'zod';

export const settings = z.object({
  SESSIONS_PER_USER: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Sessions one user may have; a further sign-in ends the one that was unused longest'),
});
