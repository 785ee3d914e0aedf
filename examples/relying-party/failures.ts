/** Tells people what went wrong, and the log what it was; tokens and codes stand in neither. */
import type { Context, Middleware } from 'koa';
import * as client from 'openid-client';
import { messagePage } from './pages.ts';
import { sendPage } from './request.ts';

type Log = (line: string) => void;

export const failurePages =
  (log: Log): Middleware =>
  async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && !ctx.body) show(ctx, 404, 'Not found', 'There is no such page.');
    } catch (error) {
      answer(ctx, error, log);
    }
  };

function answer(ctx: Context, error: unknown, log: Log): void {
  const { status, title, text } = explain(error);
  if (status >= 500) log(`${ctx.method} ${ctx.path} failed: ${nameOf(error)}`);
  if (status === 503) ctx.set('Retry-After', '5');
  show(ctx, status, title, text);
}

interface Explanation {
  readonly status: number;
  readonly title: string;
  readonly text: string;
}

function explain(error: unknown): Explanation {
  if (error instanceof client.AuthorizationResponseError) {
    // The person said no, or must be asked: nothing is broken.
    const text = `The authorization server says: ${error.error}`;
    return { status: 403, title: 'Not signed in', text };
  }
  if (isHttpError(error)) {
    return { status: error.status, title: 'That did not work', text: error.message };
  }
  const isTrouble = TROUBLE.some((type) => error instanceof type) || isNetworkError(error);
  return isTrouble
    ? {
        status: 503,
        title: 'Try again later',
        text: 'The authorization server gave no good answer.',
      }
    : { status: 500, title: 'That did not work', text: 'Something went wrong here.' };
}

/** What openid-client throws when an answer is missing, late or wrong. */
const TROUBLE = [
  client.ClientError,
  client.ResponseBodyError,
  client.WWWAuthenticateChallengeError,
];

/** How `fetch` fails; a TypeError of our own has no cause. */
const isNetworkError = (error: unknown): boolean =>
  error instanceof TypeError && error.cause !== undefined;

/** From `ctx.throw`, with a message for the person. */
const isHttpError = (error: unknown): error is Error & { readonly status: number } =>
  error instanceof Error && 'expose' in error && error.expose === true && 'status' in error;

const nameOf = (error: unknown): string =>
  error instanceof Error
    ? `${'code' in error ? error.code : error.name}: ${error.message}`
    : String(error);

function show(ctx: Context, status: number, title: string, text: string): void {
  ctx.status = status;
  sendPage(ctx, title, messagePage(text));
}
