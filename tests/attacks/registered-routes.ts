/** The routes and pages of an app, read from its plugins: `setup` wires and does no I/O, so it can be asked again. */
import { createRegistry } from '../../src/kernel/registry.ts';
import type { Page, Route } from '../../src/kernel/route.ts';
import { createPluginContext } from '../plugins/plugin-context.ts';
import type { Answer } from '../support/browser.ts';
import type { TestApp } from '../support/test-app.ts';

export function registeredRoutes(app: TestApp): {
  readonly routes: readonly Route[];
  readonly pages: readonly Page[];
} {
  const { db, store } = app.storage;
  const { context } = createPluginContext({ db, store, publicUrl: app.issuer });
  const restClient = { id: 'rest', scope: 'account' };
  const oidc = { ...context.oidc, issuer: app.issuer, restClient };
  const registry = createRegistry(app.app.plugins, { ...context, oidc }, {});
  return {
    routes: registry.all('routes').flatMap(({ value }) => value),
    pages: registry.all('pages').flatMap(({ value }) => value),
  };
}

/** A path of the route's pattern, every parameter a UUID. */
const pathOf = ({ path }: Pick<Route, 'path'>): string =>
  path.replace(/:\w+/g, '00000000-0000-4000-8000-000000000000');

/** Calls a route with nothing but these headers; a body, if one is asked for, is an empty object. */
export const callRoute = (
  app: TestApp,
  route: Pick<Route, 'method' | 'path' | 'body'>,
  headers: Record<string, string>,
): Promise<Answer> =>
  app.browser().request(pathOf(route), {
    method: route.method.toUpperCase(),
    headers,
    anonymous: true,
    ...(route.body ? { json: {} } : {}),
  });
