import type { Context } from 'koa';
import type { ProblemError } from '../kernel/problem.ts';
import { setProblemHeaders } from './problem-response.ts';

export type Render = (view: string, locals: Record<string, unknown>) => string;

/** A failure as a page, for people. */
export function sendErrorPage(
  ctx: Context,
  { problem, details }: ProblemError,
  render: Render,
): void {
  ctx.status = problem.status;
  setProblemHeaders(ctx, problem, details);
  ctx.type = 'html';
  ctx.body = render('error', {
    status: problem.status,
    heading: problem.title,
    message: details.detail ?? problem.detail ?? 'Please go back and try again.',
    requestId: ctx.state['requestId'],
  });
}

/** True for what a browser shows; APIs and command lines get `application/problem+json`. */
export const prefersPage = (ctx: Context): boolean => ctx.accepts('json', 'html') === 'html';
