import type { Context, Middleware } from 'koa';
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
 * Names and attributes of our cookies (api.md "Cookies"): `__Host-` where Path=/ allows it, so that no other host of the
 * domain can set them, `__Secure-` for the path-bound refresh cookie. Browsers refuse both prefixes on plain http, where
 * all ports of a host share their cookies: there the names are ours alone.
 */
export function cookieTable(publicUrl: URL): CookieTable {
  const secure = publicUrl.protocol === 'https:';
  const host = secure ? '__Host-' : 'authsrv-';
  const bound = secure ? '__Secure-' : 'authsrv-';
  const refreshPath = `${basePath(publicUrl)}/auth/refresh`;
  return {
    session: { name: `${host}session`, path: '/', sameSite: 'lax', signed: true },
    access: { name: `${host}access`, path: '/', sameSite: 'lax', signed: false },
    refresh: { name: `${bound}refresh`, path: refreshPath, sameSite: 'strict', signed: false },
    // Lax: the way back from another provider is a navigation that begins at its site.
    federation: { name: `${host}federation`, path: '/', sameSite: 'lax', signed: true },
    // Lax: an application leads to the pages whose forms it goes with, by a navigation that begins at its site.
    form: { name: `${host}form`, path: '/', sameSite: 'lax', signed: false },
    known: { name: `${host}known`, path: '/', sameSite: 'lax', signed: true },
  };
}

/** Bytes of a cookie that every browser keeps: name, value and attributes together (RFC 6265 §6.1). */
const MOST = 4096;
/** As long as `Expires` and `Max-Age` get: ten years at most. */
const LIFETIME = `; expires=${new Date(0).toUTCString()}; max-age=315360000`;

/** Characters that a value may have. */
export function roomInCookie(publicUrl: URL, cookie: CookieName): number {
  const { name, path, sameSite } = cookieTable(publicUrl)[cookie];
  const secure = publicUrl.protocol === 'https:' ? '; secure' : '';
  return MOST - `${name}=; path=${path}${LIFETIME}; samesite=${sameSite}${secure}; httponly`.length;
}

/** Undefined also for a signed cookie whose signature is wrong. */
export function readCookie(ctx: Context, table: CookieTable, name: CookieName): string | undefined {
  const { name: wireName, signed } = table[name];
  return ctx.cookies.get(wireName, { signed });
}

/** All values of a cookie that is not signed, in the order of the header. */
export function readCookies(ctx: Context, table: CookieTable, name: CookieName): string[] {
  const prefix = `${table[name].name}=`;
  const pairs = ctx.get('Cookie').split(/; */);
  return pairs.filter((pair) => pair.startsWith(prefix)).map((pair) => pair.slice(prefix.length));
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

const EXPIRES = /; expires=([^;]+)/gi;

/** Seconds from now until the last `expires` of a Set-Cookie, as the same clock just wrote it; undefined for none and a deletion. */
function secondsLeft(line: string): number | undefined {
  const until = Date.parse([...line.matchAll(EXPIRES)].at(-1)?.[1] ?? '');
  return until > 0 ? Math.max(1, Math.ceil((until - Date.now()) / 1000)) : undefined;
}

/**
 * Whether a line is a cookie, or the signature of one that comes with it: on reading one that a former key signed, the cookies
 * library sends a new signature alone, without a lifetime, and the cookie would end with the browser session for it.
 */
function isWhole(lines: readonly string[]): (line: string) => boolean {
  const names = new Set(lines.map((line) => line.slice(0, line.indexOf('='))));
  return (line) => {
    const [, signed] = /^([^=]+)\.sig=/.exec(line) ?? [];
    return signed === undefined || names.has(signed);
  };
}

/**
 * `Max-Age` beside `Expires` on every cookie that lives for a time, whoever sets it: a browser compares Expires with its own
 * clock, and counts Max-Age from when the cookie came (RFC 6265 §5.3), so no clock need be right. It is what was asked
 * for; only oidc-provider's session cookie, of which nothing but the end is said, has it from there.
 */
export const lastingCookies: Middleware = async (ctx, next) => {
  const { cookies, res } = ctx;
  const set = cookies.set.bind(cookies);
  const lines = (): string[] => [res.getHeader('Set-Cookie') ?? []].flat().map(String);
  cookies.set = (name, value, options) => {
    set(name, value, options);
    const seconds = Math.round((options?.maxAge ?? 0) / 1000);
    if (!value || seconds <= 0) return cookies;
    const isNew = (line: string): boolean =>
      (line.startsWith(`${name}=`) || line.startsWith(`${name}.sig=`)) && !/; max-age=/.test(line);
    const completed = lines().map((one) => (isNew(one) ? `${one}; max-age=${seconds}` : one));
    res.setHeader('Set-Cookie', completed);
    return cookies;
  };
  await next();
  if (!res.hasHeader('Set-Cookie') || res.headersSent) return;
  const all = lines();
  const completed = all.filter(isWhole(all)).map((line) => {
    const seconds = /; max-age=/.test(line) ? undefined : secondsLeft(line);
    return seconds === undefined ? line : `${line}; max-age=${seconds}`;
  });
  if (completed.length === 0) res.removeHeader('Set-Cookie');
  else res.setHeader('Set-Cookie', completed);
};
