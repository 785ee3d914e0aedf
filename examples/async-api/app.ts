import { Router } from '@koa/router';
import Koa from 'koa';
import {
  type AuthorizedState,
  createBearerGuard,
  type Demand,
  type Revocations,
} from './bearer-guard.ts';
import type { Settings } from './settings.ts';
import type { VerifyAccessToken } from './verify-access-token.ts';

/** RFC 9728 §3: below the host, whatever the path of the resource. */
const METADATA_PATH = '/.well-known/oauth-protected-resource';

export type AppSettings = Pick<Settings, 'issuer' | 'audience' | 'scope' | 'adminRole' | 'baseUrl'>;

export interface AppParts {
  readonly verify: VerifyAccessToken;
  readonly revocations: Revocations;
}

export function createApp(settings: AppSettings, parts: AppParts): Koa {
  const { issuer, audience, scope, adminRole, baseUrl } = settings;
  const guard = createBearerGuard({ ...parts, metadataUrl: `${baseUrl}${METADATA_PATH}` });
  const router = new Router<AuthorizedState>();

  router.get('/public', (ctx) => {
    ctx.body = { message: 'Everybody may read this.' };
  });

  router.get('/me', guard(isUserWith(scope)), (ctx) => {
    const { sub, clientId, scopes, roles, expiresAt } = ctx.state.token;
    ctx.body = { sub, client_id: clientId, scope: scopes.join(' '), roles, exp: expiresAt };
  });

  // A role may have been taken away a moment ago: without the stream of revocations nobody gets in.
  router.get(
    '/admin',
    guard(both(isUserWith(scope), hasRole(adminRole)), { current: true }),
    (ctx) => {
      ctx.body = {
        message: `Only the role "${adminRole}" may read this.`,
        sub: ctx.state.token.sub,
      };
    },
  );

  router.get(METADATA_PATH, (ctx) => {
    ctx.body = {
      resource: audience,
      authorization_servers: [issuer],
      scopes_supported: [scope],
      bearer_methods_supported: ['header'],
      resource_name: 'async-api',
    };
  });

  const app = new Koa();
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/*
 * Three questions, and a token must answer all of them. Audience (`verify-access-token.ts`): is the token meant for this
 * API? Without it, whatever any application was given anywhere opens this one. Scope: may the application do this for the
 * person? It was registered for it, and the person allowed it. Role: may the person do it? A role alone says nothing of the
 * application that brings the token, a scope alone nothing of the person.
 */
const isUserWith =
  (scope: string): Demand =>
  (token) => {
    if (!token.isUser) return 'This needs the token of a signed-in user';
    return token.scopes.includes(scope) ? undefined : `This needs the scope ${scope}`;
  };

const hasRole =
  (role: string): Demand =>
  (token) =>
    token.roles.includes(role) ? undefined : `This needs the role ${role}`;

const both =
  (first: Demand, second: Demand): Demand =>
  (token) =>
    first(token) ?? second(token);
