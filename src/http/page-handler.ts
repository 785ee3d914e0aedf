import type { Context, Middleware } from 'koa';
import { defineProblems } from '../kernel/problem.ts';
import {
  type Exchange,
  FailedAfterSignIn,
  type Page,
  type PageReply,
  type RequestInfo,
} from '../kernel/route.ts';
import { checkOrigin, type Source } from './check-origin.ts';
import { applyCookies } from './cookies.ts';
import { createFormTokens, type FormTokenParts, type FormTokens } from './form-tokens.ts';
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

export interface PageEnvironment extends FormTokenParts {
  readonly origin: string;
  readonly render: (view: string, locals: Record<string, unknown>) => string;
  readonly requestInfo: (ctx: Context) => RequestInfo;
  readonly limit: Limit;
}

/** Page → middleware: CSRF, admission, rate limit, form, one call of the handler, HTML or 303. */
export function pageHandler(page: Page, environment: PageEnvironment): Middleware {
  const { origin, requestInfo, limit } = environment;
  const allowed = new Set([origin]);
  const tokensOf = createFormTokens(page, environment);
  const serve = async (ctx: Context, source: Source, text?: string): Promise<void> => {
    const params = paramsOf(ctx);
    const tokens = tokensOf(ctx);
    const readPosted = async (): Promise<Record<string, string>> => {
      const posted = page.method === 'post' ? await readForm(ctx, text) : {};
      if (page.method === 'post' && !tokens.prove(posted, source)) throw pageProblems.formExpired();
      return posted;
    };
    // A form on another site must not use up what this person's address has left: so it is proven first where no header did.
    const proven = source === 'unsaid' ? await readPosted() : undefined;
    const { rateLimit = classOfMethod(page.method) } = page;
    const rateClass =
      typeof rateLimit === 'string' ? rateLimit : await rateLimit(params, exchangeOf(ctx));
    await limit(ctx, rateClass);
    const form = proven ?? (await readPosted());
    const query = Object.fromEntries(new URLSearchParams(ctx.querystring));
    const { csrf } = tokens;
    const work = page.handle({ params, query, form, csrf, request: requestInfo(ctx) });
    const name = `${page.method.toUpperCase()} ${page.path}`;
    try {
      sendPage(ctx, page, await inTime(name, work), { ...environment, tokens });
    } catch (error) {
      if (!(error instanceof FailedAfterSignIn)) throw error;
      applyCookies(ctx, environment.cookies, error.cookies);
      throw error.cause;
    }
  };
  return async (ctx) => {
    const source = checkOrigin(ctx, allowed);
    const admit = await page.admit?.(paramsOf(ctx), exchangeOf(ctx));
    if (!admit) return serve(ctx, source);
    // A body that takes its time takes nobody's place.
    const text = await readText(ctx);
    await admit(() => serve(ctx, source, text));
  };
}

const exchangeOf = ({ req, res }: Context): Exchange => ({ req, res });

const paramsOf = (ctx: Context): Record<string, string> => ctx['params'] ?? {};

function sendPage(
  ctx: Context,
  { leavesSite }: Page,
  reply: PageReply,
  { cookies, render, tokens }: PageEnvironment & { readonly tokens: FormTokens },
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
  if (reply.locals['csrf'] === undefined) ctx.body = render(reply.view, reply.locals);
  else sendForm(ctx, reply, { cookies, render, tokens });
  if (leavesSite) ctx.set('Content-Security-Policy', basePolicy.join('; '));
}

/** A page whose form comes back to us. */
function sendForm(
  ctx: Context,
  { view, locals }: Extract<PageReply, { view: string }>,
  { cookies, render, tokens }: Pick<PageEnvironment, 'cookies' | 'render'> & { tokens: FormTokens },
): void {
  const { browser, cookies: own } = tokens.offer();
  applyCookies(ctx, cookies, own);
  ctx.body = render(view, browser === undefined ? locals : { ...locals, browser });
  // With `no-referrer` the form would come with `Origin: null` (Fetch §3.2). A URL that may carry a secret is named nowhere, even so.
  const isSecret = paramsOf(ctx)['code'] !== undefined || ctx.querystring !== '';
  if (!isSecret) ctx.set('Referrer-Policy', 'same-origin');
}
