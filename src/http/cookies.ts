import type { Context } from 'koa';
import type { CookieChange, CookieName } from '../kernel/route.ts';
import { basePath } from './public-url.ts';

interface CookieAttributes {
  readonly name: string;
  readonly path: string;
  readonly sameSite: 'lax' | 'strict';
  readonly signed: boolean;
}

export type CookieTable = Readonly<Record<CookieName, CookieAttributes>>;

/**
 * Names and attributes of our cookies (api.md "Cookies"): `__Host-` where Path=/ allows it, `__Secure-`
 * for the path-bound refresh cookie, bare names on plain http, where browsers refuse both prefixes.
 */
export function cookieTable(publicUrl: URL): CookieTable {
  const secure = publicUrl.protocol === 'https:';
  const host = secure ? '__Host-' : '';
  const bound = secure ? '__Secure-' : '';
  const refreshPath = `${basePath(publicUrl)}/auth/refresh`;
  return {
    session: { name: `${host}session`, path: '/', sameSite: 'lax', signed: true },
    access: { name: `${host}access`, path: '/', sameSite: 'lax', signed: false },
    refresh: { name: `${bound}refresh`, path: refreshPath, sameSite: 'strict', signed: false },
    // Lax: the way back from another provider is a navigation that begins at its site.
    federation: {
      name: `${bound}federation`,
      path: `${basePath(publicUrl)}/oauth2`,
      sameSite: 'lax',
      signed: true,
    },
  };
}

/** Undefined also for a signed cookie whose signature is wrong. */
export function readCookie(ctx: Context, table: CookieTable, name: CookieName): string | undefined {
  const { name: wireName, signed } = table[name];
  return ctx.cookies.get(wireName, { signed });
}

export function applyCookies(
  ctx: Context,
  table: CookieTable,
  changes: readonly CookieChange[],
): void {
  for (const { name, value, maxAge } of changes) {
    const { name: wireName, path, sameSite, signed } = table[name];
    ctx.cookies.set(wireName, value ?? null, {
      path,
      sameSite,
      signed,
      httpOnly: true,
      overwrite: true,
      ...(maxAge === undefined || value === undefined ? {} : { maxAge: maxAge * 1000 }),
    });
  }
}
