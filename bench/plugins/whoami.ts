/** A route for users that does nothing but say who calls: what is left is the way to it. */
import { z } from 'zod';
import { definePlugin } from '../../src/kernel/plugin.ts';
import { access, defineRoute } from '../../src/kernel/route.ts';

const whoami = defineRoute({
  method: 'get',
  path: '/bench/whoami',
  access: access.user(),
  summary: 'Who calls',
  success: { status: 200, schema: z.object({ sub: z.string() }) },
  problems: [],
  handle: async ({ principal }) => ({ body: { sub: principal.sub } }),
});

export default definePlugin({
  name: 'bench-whoami',
  kernel: 1,
  settings: z.object({}),
  setup: () => ({ routes: [whoami] }),
});
