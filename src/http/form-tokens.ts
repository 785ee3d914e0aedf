/** What proves that a posted form is one of ours, and of a page that this browser got. */
import { createHmac } from 'node:crypto';
import type { Context } from 'koa';
import type { Random } from '../kernel/clock.ts';
import type { CookieChange, Page } from '../kernel/route.ts';
import { sameText } from '../kernel/same-text.ts';
import type { Source } from './check-origin.ts';
import { type CookieTable, readCookie } from './cookies.ts';

export interface FormTokenParts {
  readonly cookies: CookieTable;
  /** 32 bytes each: the first makes tokens, all are accepted, as of cookies. */
  readonly csrfKeys: readonly [Buffer, ...Buffer[]];
  readonly random: Pick<Random, 'token'>;
}

/** Tokens of the forms of one page, worthless with any other binding (an interaction, a link, a session). */
export interface FormTokens {
  /** The field `_csrf`. */
  readonly csrf: string;
  /** Whether the fields of a form prove as much as the headers of its request leave open. */
  prove(form: Readonly<Record<string, string>>, source: Source): boolean;
  /** What a page with a form needs besides: the local `browser`, and the cookie that belongs to it. */
  offer(): { readonly browser?: string; readonly cookies: readonly CookieChange[] };
}

const tokenOf = (key: Buffer, text: string): string =>
  createHmac('sha256', key).update(text).digest('base64url');

const COOKIE = /^[\w-]{43}$/;

/**
 * `_csrf` is enough where a header vouches for the request, and where the page is bound to the session, whose cookie is
 * host-locked. A mailed link can be anybody's, an attacker's too, so can a page for all, and the cookie of an interaction has a
 * path, so that a sibling host can set it: there, without such a header, the field `_browser` counts, which is bound to a
 * cookie that no other site can set.
 */
export function createFormTokens(
  { path }: Pick<Page, 'path'>,
  { cookies, csrfKeys, random }: FormTokenParts,
) {
  const isOfInteraction = path.startsWith('/interaction/:uid');
  /** A browser that says where the request for a page comes from says it of the form as well. */
  const vouches = (ctx: Context): boolean => isOfInteraction && ctx.get('Sec-Fetch-Site') !== '';
  const isToken = (given: string | undefined, text: string): boolean =>
    csrfKeys.some((key) => sameText(given ?? '', tokenOf(key, text)));

  return (ctx: Context): FormTokens => {
    const { uid, code } = (ctx['params'] ?? {}) as Readonly<Record<string, string | undefined>>;
    const session = readCookie(ctx, cookies, 'session');
    const binding = uid ?? code ?? session ?? '';
    const isOfSession = binding === session && session !== undefined;
    const sent = readCookie(ctx, cookies, 'form');
    const kept = sent !== undefined && COOKIE.test(sent) ? sent : undefined;
    const textOf = (cookie: string): string => `browser ${cookie} ${binding}`;
    return {
      csrf: tokenOf(csrfKeys[0], `form ${binding}`),
      prove(form, source) {
        if (!isToken(form['_csrf'], `form ${binding}`)) return false;
        if (source === 'ours' || isOfSession) return true;
        return kept !== undefined && isToken(form['_browser'], textOf(kept));
      },
      offer() {
        if (isOfSession || vouches(ctx)) return { cookies: [] };
        const value = kept ?? random.token();
        const browser = tokenOf(csrfKeys[0], textOf(value));
        return { browser, cookies: kept === undefined ? [{ name: 'form', value }] : [] };
      },
    };
  };
}
