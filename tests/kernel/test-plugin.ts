/** Plugins of tests that add just what a test is about. */
import { z } from 'zod';
import type { Prompt } from '../../src/kernel/oidc.ts';
import {
  type Command,
  type Contributions,
  definePlugin,
  KERNEL_VERSION,
  type Plugin,
} from '../../src/kernel/plugin.ts';
import { createRegistry } from '../../src/kernel/registry.ts';
import { access, defineRoute, type Page } from '../../src/kernel/route.ts';
import { createPluginContext } from '../plugins/plugin-context.ts';

const { use: _use, settings: _settings, ...context } = createPluginContext().context;

/** What `createRegistry` is given. */
export const shared = context;

export const plugin = (
  name: string,
  added: Contributions = {},
  more: Partial<Plugin> = {},
): Plugin =>
  definePlugin({
    name,
    kernel: KERNEL_VERSION,
    settings: z.object({}),
    setup: () => added,
    ...more,
  });

export const route = (method: 'get' | 'post', path: string) =>
  defineRoute({
    method,
    path,
    access: access.public,
    summary: 'A route',
    success: { status: 204 },
    problems: [],
    handle: async () => ({}),
  });

export const page = (method: 'get' | 'post', path: string): Page => ({
  method,
  path,
  access: { kind: 'public' },
  handle: async () => ({ redirect: '/' }),
});

export const prompt = (name: string): Prompt => ({
  name,
  actions: {},
  show: async () => ({ redirect: '/' }),
});

export const command = (name: string): Command => ({
  name,
  summary: 'A command',
  run: async () => undefined,
});

export const claims = (...names: string[]): Contributions => ({
  claims: [{ names, in: ['access_token'], claims: async () => ({}) }],
});

export const adapter = {} as NonNullable<Contributions['oidcModels']>[string];

/** What the registry throws. */
export function failureOf(plugins: readonly Plugin[]): Error {
  try {
    createRegistry(plugins, shared, {});
  } catch (error) {
    return error as Error;
  }
  throw new Error('the plugins were accepted');
}
