import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Router } from '@koa/router';
import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose';
import Koa from 'koa';
import { addAccount } from './account.ts';
import { failurePages } from './failures.ts';
import { createLogoutTokenVerifier } from './logout-token.ts';
import { createOpenId, type OpenId } from './openid.ts';
import { createSessionCookie, securityHeaders } from './request.ts';
import { createSessions } from './sessions.ts';
import type { Settings } from './settings.ts';
import { addSignIn } from './sign-in.ts';
import { addSignOut } from './sign-out.ts';

export interface AppOptions {
  readonly settings: Settings;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: (line: string) => void;
}

export function createApp({ settings, now, log }: AppOptions): Koa {
  const sessions = createSessions(now);
  const cookie = createSessionCookie(sessions, settings);
  const openId = createOpenId(settings, now);
  const verifyLogoutToken = createLogoutTokenVerifier({
    issuer: settings.issuer.href.replace(/\/$/, ''),
    clientId: settings.clientId,
    alg: settings.idTokenAlg,
    keys: lazyKeys(openId),
    now,
  });

  const router = new Router();
  addAccount(router, { settings, openId, cookie });
  addSignIn(router, { settings, openId, sessions, cookie });
  addSignOut(router, { openId, sessions, cookie, verifyLogoutToken });
  router.get('/style.css', (ctx) => {
    ctx.type = 'css';
    ctx.body = createReadStream(new URL('style.css', import.meta.url));
  });

  const app = new Koa();
  // Sessions live in memory, so their cookies need not outlive this process either.
  app.keys = [randomBytes(32).toString('base64url')];
  app.use(securityHeaders(settings));
  app.use(failurePages(log));
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** Keys of the server, whose address is known after discovery. */
function lazyKeys(openId: OpenId): JWTVerifyGetKey {
  let keys: JWTVerifyGetKey | undefined;
  return async (header, token) => {
    keys ??= createRemoteJWKSet(await openId.jwksUri());
    return keys(header, token);
  };
}
