import type { Context } from 'koa';
import type { Log } from '../kernel/plugin.ts';
import {
  defineProblems,
  type ProblemDetails,
  ProblemError,
  type ProblemType,
} from '../kernel/problem.ts';
import { StoreUnavailable } from '../kernel/store.ts';

/** Problems that any route may answer with. */
export const problems = defineProblems('http', {
  invalidInput: { status: 400, title: 'The request is not valid' },
  malformedBody: { status: 400, title: 'The body cannot be read' },
  requestIdRequired: {
    status: 400,
    title: 'The request has no valid X-Request-Id',
    detail: 'The proxy in front of this service sets it: 1 to 128 characters of A-Z a-z 0-9 . _ -',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication is required',
    challenge: 'Bearer',
  },
  insufficientScope: {
    status: 403,
    title: 'The access token does not cover this request',
    challenge: 'Bearer error="insufficient_scope"',
  },
  firstPartyOnly: {
    status: 403,
    title: 'No third-party application may do this',
    detail: 'Sign in to this service itself to do it.',
  },
  reauthenticationRequired: {
    status: 403,
    title: 'Prove who you are again',
    detail: 'POST /auth/reauthenticate with your password, then repeat the request.',
  },
  forbidden: { status: 403, title: 'You may not do this' },
  crossSite: { status: 403, title: 'The request comes from another site' },
  notFound: { status: 404, title: 'There is nothing here' },
  methodNotAllowed: { status: 405, title: 'The method is not allowed here' },
  bodyTooLarge: { status: 413, title: 'The body is too large' },
  unsupportedMediaType: { status: 415, title: 'The content type is not supported' },
  unavailable: {
    status: 503,
    title: 'A part of the service does not answer',
    detail: 'Please try again shortly.',
    retryAfter: 2,
  },
  overloaded: {
    status: 503,
    title: 'The server is busy',
    detail: 'It cannot keep up at the moment. Please try again shortly.',
    retryAfter: 2,
    isOverload: true,
  },
  internal: { status: 500, title: 'Something went wrong on our side' },
});

/** Every failure as a ProblemError; what nobody named becomes `http:internal`. */
export function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (isUnavailable(error)) return problems.unavailable({ cause: error });
  return problems.internal({ cause: error });
}

/** Also what oidc-provider's models throw, for whom the failure was made an OAuth error. */
const isUnavailable = (error: unknown): boolean =>
  error instanceof StoreUnavailable || (error instanceof Error && isUnavailable(error.cause));

/**
 * `application/problem+json` (RFC 9457). Deletes no cookie: by the time that it arrives the browser may have those of another
 * sign-in (B-08).
 */
export function sendProblem(ctx: Context, error: ProblemError): void {
  const { problem, details } = error;
  ctx.status = problem.status;
  setProblemHeaders(ctx, problem, details);
  ctx.body = JSON.stringify({
    type: problem.type,
    title: problem.title,
    status: problem.status,
    detail: details.detail ?? problem.detail,
    instance: `urn:request:${String(ctx.state['requestId'])}`,
    trace_id: ctx.state['traceId'] as string | undefined,
    errors: details.errors,
  });
  ctx.type = 'application/problem+json';
}

export function setProblemHeaders(
  ctx: Context,
  problem: ProblemType,
  details: ProblemDetails = {},
): void {
  ctx.set('Cache-Control', 'no-store');
  if (problem.challenge) ctx.set('WWW-Authenticate', problem.challenge);
  const retryAfter = details.retryAfter ?? problem.retryAfter;
  if (retryAfter !== undefined) ctx.set('Retry-After', String(Math.max(1, Math.ceil(retryAfter))));
  for (const [name, value] of Object.entries(details.headers ?? {})) ctx.append(name, value);
}

/** Logs a failure once, at the edge: ours as errors, refused requests at debug. */
export function logProblem(log: Log, ctx: Context, error: ProblemError): void {
  const fields = {
    request_id: ctx.state['requestId'] as string,
    problem: error.problem.type,
    err: error.cause,
  };
  if (error.problem.isOverload) log.debug({ event: 'request.shed', ...fields }, 'request refused');
  else if (error.problem.status === 500)
    log.error({ event: 'request.failed', ...fields }, 'request failed');
  else if (error.problem.status > 500)
    log.warn({ event: 'request.unavailable', ...fields }, 'unavailable');
  else log.debug({ event: 'request.refused', ...fields }, 'request refused');
}
