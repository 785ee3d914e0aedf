/** The id that each request has in answers, logs and problems: our own, or one that a proxy gave it. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { createRequestIds } from './service.ts';

export const requestId = definePlugin({
  name: 'request-id',
  kernel: 1,
  settings: z.object({
    REQUEST_ID_POLICY: z
      .enum(['generate', 'accept', 'require'])
      .default('generate')
      .describe(
        'X-Request-Id of a request: ignored and made anew (generate), taken when valid (accept), or refused with 400 unless valid (require, behind a proxy that sets it).',
      ),
  }),
  setup: ({ settings, random }) => ({
    requestIds: createRequestIds(settings.REQUEST_ID_POLICY, random),
  }),
});
