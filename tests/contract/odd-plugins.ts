/** Plugins that do what they can to be in the way of others, for `plugin-contract.test.ts`. */
import { z } from 'zod';
import { defineEvent, on } from '../../src/kernel/events.ts';
import type { Prompt } from '../../src/kernel/oidc.ts';
import type { Plugin } from '../../src/kernel/plugin.ts';
import { access, defineRoute, type Page, type Route } from '../../src/kernel/route.ts';
import { plugin } from '../kernel/test-plugin.ts';

const saying = (method: 'get' | 'post', path: string, by: string): Route =>
  defineRoute({
    method,
    path,
    access: access.public,
    summary: 'Says which route answered',
    ...(method === 'post' ? { body: z.object({}) } : {}),
    success: { status: 200, schema: z.object({ by: z.string() }) },
    problems: [],
    handle: async () => ({ body: { by } }),
  } as Parameters<typeof defineRoute>[0]);

/** One plugin with routes that one request matches, written in both orders, and a page and a route on one path. */
export const overlapping: Plugin = plugin('overlapping', {
  routes: [
    saying('get', '/one/:id', 'parameter'),
    saying('get', '/one/special', 'text'),
    saying('get', '/two/special', 'text'),
    saying('get', '/two/:id', 'parameter'),
    saying('get', '/deep/:a/end', 'parameter'),
    saying('get', '/deep/b/:c', 'text'),
    saying('post', '/both/:id', 'JSON'),
  ],
  pages: [
    {
      method: 'get',
      path: '/both/:id',
      access: { kind: 'public' },
      handle: async ({ csrf }) => ({ redirect: `/?csrf=${csrf}` }),
    },
    {
      method: 'post',
      path: '/both/:id',
      access: { kind: 'public' },
      handle: async ({ params }) => ({ redirect: `/form/${params['id']}` }),
    } satisfies Page,
  ],
});

/** A prompt whose actions have the names of the sign-in's, without their limits. */
export const loosePrompt: Prompt = {
  name: 'terms',
  requestable: true,
  show: async ({ interaction, csrf }) => ({ redirect: `${interaction.url('login')}?csrf=${csrf}` }),
  actions: { login: async () => ({ redirect: '/agreed' }), agree: async () => ({ finish: {} }) },
  rateLimits: { login: 'write' },
};

export const Knocked = defineEvent<string>('odd.knocked');

/** Everything of it throws, before it could answer a promise. */
export function createThrowing() {
  const heard: string[] = [];
  const state = { throws: false };
  const throws = (): never => {
    throw new Error('at once');
  };
  const throwing = plugin(
    'throwing',
    {},
    {
      events: [Knocked],
      setup: ({ events }) => ({
        listeners: [
          on(Knocked, throws),
          on(Knocked, () => Promise.reject(new Error('later'))),
          on(Knocked, (who) => void heard.push(who)),
        ],
        routes: [
          defineRoute({
            method: 'post',
            path: '/odd/:how',
            access: access.public,
            summary: 'Fails as it is told',
            params: z.object({ how: z.string() }),
            success: { status: 204 },
            problems: [],
            handle({ params: { how } }) {
              if (how === 'throws') throws();
              events.emit(Knocked, how);
              return how === 'undefined' ? (undefined as never) : Promise.resolve({});
            },
          }),
        ],
        pages: [{ method: 'get', path: '/odd', access: { kind: 'public' }, handle: throws }],
        requestIds: (received) => (state.throws ? throws() : (received ?? 'made-by-a-plugin')),
        gauges: [
          { name: 'odd_text', summary: 'No number', read: () => 'many' as never },
          { name: 'odd_total', summary: 'Falls', grows: true, read: () => -1 },
          { name: 'odd_good', summary: 'Good', read: () => 7 },
        ],
        tasks: [{ name: 'odd', every: 3600, run: throws }],
      }),
    },
  );
  return { throwing, heard, state };
}
