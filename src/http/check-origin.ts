import type { Context } from 'koa';
import { problems } from './problem-response.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

interface OriginRules {
  /** Our own origin and those of CORS_ORIGINS. */
  readonly allowed: ReadonlySet<string>;
  /** Whether a request with none of the headers passes when it is JSON: no browser of the last years. */
  readonly jsonWithoutOrigin: boolean;
}

const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'null');

/**
 * CSRF: an unsafe request must come from our own origin or an allowed one. `Sec-Fetch-Site` decides where
 * it is sent, then `Origin`, then `Referer`. Throws `http:cross-site`.
 */
export function checkOrigin(ctx: Context, { allowed, jsonWithoutOrigin }: OriginRules): void {
  if (SAFE.has(ctx.method)) return;
  const site = ctx.get('Sec-Fetch-Site');
  const origin = ctx.get('Origin');
  if (site === 'same-origin' || site === 'none') return;
  const source = origin || originOf(ctx.get('Referer'));
  // Our own origin is never what a browser names for a request that it calls another site's.
  if (allowed.has(source) && !(site && source === ctx.origin)) return;
  const silent = !site && !origin && !ctx.get('Referer');
  const type = ctx.request.type.trim().toLowerCase();
  if (silent && jsonWithoutOrigin && (type === '' || type === 'application/json')) return;
  throw problems.crossSite();
}
