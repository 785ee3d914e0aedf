/** Server-sent events (WHATWG HTML §9.2): an answer that ends when the client, its token or this process does. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Context } from 'koa';
import type { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { callAfter } from '../kernel/long-timer.ts';
import type { Log } from '../kernel/plugin.ts';
import { ProblemError } from '../kernel/problem.ts';
import type { Principal, Route, StreamEvent } from '../kernel/route.ts';
import { type Authentication, authorize } from './authenticate.ts';
import { problems } from './problem-response.ts';

/** Milliseconds between two looks at whether the caller may still listen. */
const RECHECK = 15_000;
/** Milliseconds that a client may leave its bytes unread. What waits meanwhile is the socket's buffer and one event. */
const PATIENCE = 30_000;
/** Milliseconds after which a client should come back. */
const RETRY = 1_000;

export interface StreamEnvironment extends Authentication {
  /** Aborted when this process is about to stop. */
  readonly draining: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
}

interface StreamCall {
  readonly route: Route;
  readonly input: object;
  readonly principal: Principal | undefined;
}

/** Resolves when the stream is over. Throws only before its first byte. */
export async function answerWithEvents(
  ctx: Context,
  { route, input, principal }: StreamCall,
  environment: StreamEnvironment,
): Promise<void> {
  const { draining, log } = environment;
  if (draining.aborted) throw problems.unavailable();
  // No event would tell the stream that this client has gone.
  if (ctx.res.closed) return;
  if (ctx.method === 'HEAD') return announceEvents(ctx);
  const recheck = () => authorize(ctx, route.access, environment);
  const over = streamLifetime(ctx.res, { ...environment, principal, recheck });
  const lastEventId = ctx.get('Last-Event-ID') || undefined;
  try {
    const streamInput = { ...input, signal: over.signal, lastEventId };
    const { stream } = await route.handle(streamInput as never);
    announceEvents(ctx);
    if (stream) await sendEvents(ctx, { schema: route.success.schema, stream }, over, log);
  } finally {
    over.abort('ended');
  }
}

function announceEvents(ctx: Context): void {
  ctx.status = 200;
  ctx.type = 'text/event-stream';
  // nginx must not hold back what is to arrive at once.
  ctx.set({ 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
}

interface Lifetime extends StreamEnvironment {
  /** Whose token opened the stream. */
  readonly principal: Principal | undefined;
  /** Throws the problem that a new request would be answered with. */
  readonly recheck: () => Promise<unknown>;
}

/** Aborts when the stream is over; its reason says why. Never throws. */
function streamLifetime(res: ServerResponse, lifetime: Lifetime): AbortController {
  const { draining, clock, principal, recheck } = lifetime;
  const over = new AbortController();
  const endWith = (reason: string) => () => over.abort(reason);
  const rechecking = setInterval(() => {
    recheck().catch((error: unknown) => {
      // A store that does not answer says nothing about the caller.
      if (error instanceof ProblemError && error.problem.status < 500) over.abort('refused');
    });
  }, RECHECK);
  over.signal.addEventListener('abort', () => clearInterval(rechecking));
  if (principal) {
    // A token may live for years.
    const left = Math.max(0, principal.expiresAt * 1000 - clock.now());
    over.signal.addEventListener('abort', callAfter(left, endWith('token expired')));
  }
  draining.addEventListener('abort', endWith('draining'), { signal: over.signal });
  res.once('close', endWith('client gone'));
  return over;
}

/** Sends events until they or the stream end. Never throws: an answer that has begun can only break off. */
async function sendEvents(
  ctx: Context,
  { schema, stream }: { schema: z.ZodType; stream: AsyncIterable<StreamEvent> },
  over: AbortController,
  log: Log,
): Promise<void> {
  const { res } = ctx;
  ctx.respond = false;
  // Koa sets the status of what it sends itself; this is not sent by it.
  res.statusCode = ctx.status;
  res.write(`retry: ${RETRY}\n\n`);
  try {
    for await (const event of stream) {
      if (over.signal.aborted) break;
      if (!res.write(encode(event, schema))) await untilRead(res, over);
    }
  } catch (error) {
    log.warn({ event: 'stream.failed', path: ctx.path, err: error }, 'a stream broke off');
    res.destroy();
  }
  over.abort('ended');
  log.debug({ event: 'stream.ended', path: ctx.path, reason: over.signal.reason }, 'stream ended');
  res.end();
}

/** Resolves when there is room again, or the stream is over: whoever does not read is cut off. */
async function untilRead(res: ServerResponse, over: AbortController): Promise<void> {
  const timer = setTimeout(() => {
    over.abort('slow client');
    res.destroy();
  }, PATIENCE);
  try {
    await once(res, 'drain', { signal: over.signal });
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Parsed on the way out, as bodies are; JSON has no line breaks, so `data` is one line. */
function encode(event: StreamEvent, schema: z.ZodType): string {
  if ('comment' in event) return `: ${event.comment}\n\n`;
  const name = event.event === undefined ? '' : `event: ${event.event}\n`;
  return `id: ${event.id}\n${name}data: ${JSON.stringify(schema.parse(event.data))}\n\n`;
}
