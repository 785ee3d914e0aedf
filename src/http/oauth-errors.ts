import type { Middleware } from 'koa';
import type { Log } from '../kernel/plugin.ts';
import type { ProblemError } from '../kernel/problem.ts';
import { prefersPage } from './error-page.ts';
import { logProblem, setProblemHeaders, toProblem } from './problem-response.ts';

/** RFC 6749 §4.1.2.1 and §5.2, by status. */
const ERRORS: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  429: 'temporarily_unavailable',
  503: 'temporarily_unavailable',
};

/** Endpoints, keys and metadata. */
const OF_CLIENTS = /^\/(oidc|\.well-known)\//i;

/** The OAuth error object of a problem: by its status, which one of ERRORS has. */
export const oauthErrorOf = ({ problem, details }: ProblemError) => ({
  error: ERRORS[problem.status],
  error_description: details.detail ?? problem.detail ?? problem.title,
});

/** What we refuse ahead of oidc-provider, clients read as the OAuth error object that it would answer. */
export function oauthErrors(log: Log): Middleware {
  return async (ctx, next) => {
    if (!OF_CLIENTS.test(ctx.path) || prefersPage(ctx)) return next();
    try {
      await next();
    } catch (thrown) {
      const error = toProblem(thrown);
      const { problem, details } = error;
      const name = ERRORS[problem.status];
      if (!name) throw thrown;
      logProblem(log, ctx, error);
      ctx.status = problem.status;
      setProblemHeaders(ctx, problem, details);
      ctx.type = 'json';
      ctx.body = oauthErrorOf(error);
    }
  };
}
