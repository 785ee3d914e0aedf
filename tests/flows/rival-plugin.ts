/** A third-party plugin that wants what `examples/plugin-hello` has; RIVAL_CLAIMS says which of it. */
import { z } from 'zod';
import { type Contributions, definePlugin } from '../../src/kernel/plugin.ts';
import { access, defineRoute } from '../../src/kernel/route.ts';

const added: Readonly<Record<string, Contributions>> = {
  route: {
    routes: [
      defineRoute({
        method: 'get',
        path: '/hello',
        access: access.public,
        summary: 'Another greeting',
        success: { status: 204 },
        problems: [],
        handle: async () => ({}),
      }),
    ],
  },
  claim: {
    claims: [{ names: ['greeting'], in: ['access_token'], claims: async () => ({}) }],
  },
};

export const plugin = definePlugin({
  name: 'rival',
  kernel: 1,
  settings: z.object({ RIVAL_CLAIMS: z.enum(['route', 'claim']) }),
  setup: ({ settings }) => added[settings.RIVAL_CLAIMS] ?? {},
});
