/** Greets: an example of a third-party plugin with a route, a claim, a command, a service and a setting. */
import { z } from 'zod';
import { type Command, definePlugin } from '../../src/kernel/plugin.ts';
import { access, defineRoute } from '../../src/kernel/route.ts';
import { defineService, provide } from '../../src/kernel/service.ts';

interface Greeter {
  greet(name: string): string;
}

/** How commands and other plugins reach the greeter. */
export const Greetings = defineService<Greeter>('greetings');

const settings = z.object({
  HELLO_GREETING: z.string().min(1).default('Hello').describe('The word that greets.'),
});

const hello: Command = {
  name: 'hello',
  summary: 'greets somebody',
  args: [{ name: '[name]', summary: 'whom (default: world)' }],
  async run({ args: [name = 'world'], io, use }) {
    io.out(use(Greetings).greet(name));
  },
};

const createRoute = (greeter: Greeter) =>
  defineRoute({
    method: 'get',
    path: '/hello',
    access: access.public,
    summary: 'A greeting',
    query: z.object({ name: z.string().trim().min(1).max(50).default('world') }),
    success: { status: 200, schema: z.object({ greeting: z.string() }) },
    problems: [],
    handle: async ({ query }) => ({ body: { greeting: greeter.greet(query.name) } }),
  });

export default definePlugin({
  name: 'hello',
  kernel: 1,
  settings,
  commands: [hello],
  setup({ settings: { HELLO_GREETING } }) {
    const greeter: Greeter = { greet: (name) => `${HELLO_GREETING}, ${name}` };
    return {
      provides: [provide(Greetings, greeter)],
      routes: [createRoute(greeter)],
      claims: [
        {
          names: ['greeting'],
          in: ['access_token', 'account'],
          scope: 'profile',
          claims: async ({ userId }) => ({ greeting: greeter.greet(userId.split('-')[0] ?? '') }),
        },
      ],
    };
  },
});
