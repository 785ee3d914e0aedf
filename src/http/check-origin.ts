import type { Context } from 'koa';
import { problems } from './problem-response.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** `ours`: a header says so. `unsaid`: none says anything, and only something that another site cannot have will do. */
export type Source = 'ours' | 'unsaid';

const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'null');

/**
 * CSRF: an unsafe request must come from an origin that is allowed. `Sec-Fetch-Site` decides where it is sent, then
 * `Origin`, then `Referer`. Throws `http:cross-site` when one of them names another site. `Origin: null` names none: browsers
 * make it of our own origin where the page says `no-referrer` (Fetch §3.2), and of any in a sandbox or after a redirect.
 */
export function checkOrigin(ctx: Context, allowed: ReadonlySet<string>): Source {
  if (SAFE.has(ctx.method)) return 'ours';
  const site = ctx.get('Sec-Fetch-Site');
  const origin = ctx.get('Origin');
  const referer = ctx.get('Referer');
  if (site === 'same-origin' || site === 'none') return 'ours';
  const source = origin || originOf(referer);
  // Our own origin is never what a browser names for a request that it calls another site's.
  if (allowed.has(source) && !(site && source === ctx.origin)) return 'ours';
  const namesOther =
    site || (origin && origin !== 'null') || (referer && !allowed.has(originOf(referer)));
  if (namesOther) throw problems.crossSite();
  return 'unsaid';
}

/** For calls that carry no form token. Without any of the headers only JSON passes: no browser of the last years sends it so. */
export function checkCaller(ctx: Context, allowed: ReadonlySet<string>): void {
  if (checkOrigin(ctx, allowed) === 'ours') return;
  const type = ctx.request.type.trim().toLowerCase();
  const isSilent = !ctx.get('Origin') && !ctx.get('Referer');
  if (isSilent && (type === '' || type === 'application/json')) return;
  throw problems.crossSite();
}
