/** Fails with what it was sent in its message, and leaks on purpose where it is told to. */
import { z } from 'zod';
import { definePlugin } from '../../../src/kernel/plugin.ts';
import { access, defineRoute } from '../../../src/kernel/route.ts';

const body = z.object({ password: z.string() });

export const plugin = definePlugin({
  name: 'leaky',
  kernel: 1,
  settings: z.object({}),
  setup: ({ log, span }) => ({
    routes: [
      defineRoute({
        method: 'post',
        path: '/leaky/throw',
        access: access.public,
        summary: 'Fails',
        body,
        success: { status: 204 },
        problems: [],
        handle: async ({ body: { password } }) => {
          const cause = new Error(`"${password}" is no good, and ${password} neither`);
          throw Object.assign(new TypeError(`cannot use '${password}'`, { cause }), { password });
        },
      }),
      defineRoute({
        method: 'post',
        path: '/leaky/leak',
        access: access.public,
        summary: 'Tells everybody',
        body,
        success: { status: 204 },
        problems: [],
        handle: async ({ body: { password } }) => {
          await span(`work with ${password}`, {}, async () => {
            log.error({ event: `leak.${password}`, err: new Error('leak') }, 'a leak');
          });
          return {};
        },
      }),
    ],
  }),
});
