import { z } from 'zod';

export const settings = z.object({
  SESSIONS_PER_USER: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Sessions one user may have; a further sign-in ends the one that was unused longest'),
  LOGIN_HISTORY_DAYS: z.coerce
    .number()
    .int()
    .min(0)
    .max(3650)
    .default(365)
    .describe(
      'Days that sign-ins are remembered with address and device; they go a calendar month at a time, so up to a month later. 0: for as long as their user is there.',
    ),
});
