import { createHmac } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { defineProblems } from '../kernel/problem.ts';
import type { Page, PageReply, RequestInfo } from '../kernel/route.ts';
import { sameText } from '../kernel/same-text.ts';
import { checkOrigin } from './check-origin.ts';
import { applyCookies, type CookieTable, readCookie } from './cookies.ts';
import { inTime } from './in-time.ts';
import { setProblemHeaders } from './problem-response.ts';
import { classOfMethod, type Limit } from './rate-limit.ts';
import { readForm, readText } from './read-body.ts';
import { basePolicy } from './security-headers.ts';

export const pageProblems = defineProblems('pages', {
  formExpired: {
    status: 403,
    title: 'This form is no longer valid',
    detail: 'Go back, reload the page and try again.',
  },
});

export interface PageEnvironment {
  readonly cookies: CookieTable;
  readonly origin: string;
  readonly render: (view: string, locals: Record<string, unknown>) => string;
  readonly requestInfo: (ctx: Context) => RequestInfo;
  readonly limit: Limit;
  /** Of the form tokens, 32 bytes each: the first makes them, all are accepted, as of cookies. */
  readonly csrfKeys: readonly [Buffer, ...Buffer[]];
}

/** A token for the forms of one page, worthless with any other binding (an interaction, a link, a session). */
const formToken = (key: Buffer, binding: string): string =>
  createHmac('sha256', key).update(`form ${binding}`).digest('base64url');

/** Page → middleware: CSRF, admission, rate limit, form, one call of the handler, HTML or 303. */
export function pageHandler(page: Page, environment: PageEnvironment): Middleware {
  const { cookies, origin, csrfKeys, requestInfo, limit } = environment;
  const allowed = new Set([origin]);
  const serve = async (ctx: Context, text?: string): Promise<void> => {
    const params = paramsOf(ctx);
    const binding = params['uid'] ?? params['code'] ?? readCookie(ctx, cookies, 'session') ?? '';
    const csrf = formToken(csrfKeys[0], binding);
    let form: Record<string, string> = {};
    await limit(ctx, page.rateLimit?.(params) ?? classOfMethod(page.method));
    if (page.method === 'post') {
      form = await readForm(ctx, text);
      const given = form['_csrf'] ?? '';
      if (!csrfKeys.some((key) => sameText(given, formToken(key, binding))))
        throw pageProblems.formExpired();
    }
    const query = Object.fromEntries(new URLSearchParams(ctx.querystring));
    const work = page.handle({ params, query, form, csrf, request: requestInfo(ctx) });
    const name = `${page.method.toUpperCase()} ${page.path}`;
    sendPage(ctx, page, await inTime(name, work), environment);
  };
  return async (ctx) => {
    // A form on another site must not use up what this person's address has left.
    if (page.method === 'post') checkOrigin(ctx, { allowed, jsonWithoutOrigin: false });
    const admit = page.admit?.(paramsOf(ctx));
    if (!admit) return serve(ctx);
    // A body that takes its time takes nobody's place.
    const text = await readText(ctx);
    await admit(() => serve(ctx, text));
  };
}

const paramsOf = (ctx: Context): Record<string, string> => ctx['params'] ?? {};

function sendPage(
  ctx: Context,
  { leavesSite }: Page,
  reply: PageReply,
  { cookies, render }: PageEnvironment,
): void {
  applyCookies(ctx, cookies, reply.cookies ?? []);
  ctx.set('Cache-Control', 'no-store');
  if ('redirect' in reply) {
    // 303, so that no browser sends the form (and its password) on (RFC 9700 §4.12).
    ctx.redirect(reply.redirect);
    ctx.status = 303;
    return;
  }
  ctx.status = reply.problem?.problem.status ?? reply.status ?? 200;
  if (reply.problem) setProblemHeaders(ctx, reply.problem.problem, reply.problem.details);
  ctx.type = 'html';
  ctx.body = render(reply.view, reply.locals);
  if (leavesSite) ctx.set('Content-Security-Policy', basePolicy.join('; '));
}
