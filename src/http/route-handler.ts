import type { Context, Middleware } from 'koa';
import type { z } from 'zod';
import type { InputError } from '../kernel/problem.ts';
import type { Reply, RequestInfo, Route } from '../kernel/route.ts';
import { authorize, isBearerOnly } from './authenticate.ts';
import { checkCaller } from './check-origin.ts';
import { applyCookies, type CookieTable } from './cookies.ts';
import { answerWithEvents, type StreamEnvironment } from './event-stream.ts';
import { inTime } from './in-time.ts';
import { problems } from './problem-response.ts';
import { classOfMethod, type Limit } from './rate-limit.ts';
import { readJson, readText } from './read-body.ts';

export interface RouteEnvironment extends StreamEnvironment {
  /** Origins whose pages may call with cookies. */
  readonly allowedOrigins: ReadonlySet<string>;
  readonly requestInfo: (ctx: Context) => RequestInfo;
  readonly limit: Limit;
}

const escapePointer = (segment: PropertyKey): string =>
  String(segment).replaceAll('~', '~0').replaceAll('/', '~1');

/** Faults with JSON Pointers (RFC 6901) into the part of the request that was checked. */
const inputErrors = (error: z.ZodError): InputError[] =>
  error.issues.flatMap((issue) => {
    const at = (path: readonly PropertyKey[]) => `#/${path.map(escapePointer).join('/')}`;
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        pointer: at([...issue.path, key]),
        detail: 'is not a known member',
      }));
    }
    return [{ pointer: at(issue.path), detail: issue.message }];
  });

function parseInput(schema: z.ZodType | undefined, input: unknown): unknown {
  if (!schema) return undefined;
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw problems.invalidInput({ errors: inputErrors(parsed.error) });
  return parsed.data;
}

/** Route → middleware: CSRF, admission, rate limit, access rule, validation, one call of the handler, checked answer. */
export function routeHandler(route: Route, environment: RouteEnvironment): Middleware {
  const { cookies, allowedOrigins, requestInfo, limit } = environment;
  const { admit } = route;
  const serve = async (ctx: Context, text?: string): Promise<void> => {
    await limit(ctx, route.rateLimit ?? classOfMethod(route.method));
    const principal = await authorize(ctx, route.access, environment);
    const input = {
      params: parseInput(route.params, ctx['params']),
      query: parseInput(route.query, ctx.query),
      body: route.body ? parseInput(route.body, await readJson(ctx, text)) : undefined,
      request: requestInfo(ctx),
      principal,
    };
    if (route.success.stream) {
      await answerWithEvents(ctx, { route, input, principal }, environment);
    } else {
      const work = route.handle(input as never);
      answer(ctx, route, await inTime(nameOf(route), work), cookies);
    }
  };
  return async (ctx) => {
    if (!isBearerOnly(ctx, cookies)) checkCaller(ctx, allowedOrigins);
    if (!admit) return serve(ctx);
    // A body that takes its time takes nobody's place.
    const text = await readText(ctx);
    await admit(() => serve(ctx, text));
  };
}

const nameOf = ({ method, path }: Route): string => `${method.toUpperCase()} ${path}`;

function answer(ctx: Context, { success }: Route, reply: Reply<undefined>, cookies: CookieTable) {
  ctx.status = success.status;
  ctx.set('Cache-Control', 'no-store');
  for (const [name, value] of Object.entries(reply.headers ?? {})) ctx.set(name, value);
  applyCookies(ctx, cookies, reply.cookies ?? []);
  // Parsed on the way out too: a member that the schema does not name never leaves.
  ctx.body = success.schema && !reply.isUnderWay ? success.schema.parse(reply.body) : null;
  // Last: Koa makes 204 of an answer without a body.
  if (reply.isUnderWay) ctx.status = 202;
}
