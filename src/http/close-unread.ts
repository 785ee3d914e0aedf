import type { Middleware } from 'koa';

/**
 * A body that was refused before its end still stands in the way of the next request: the connection is not
 * offered for another one, or a client, or nginx, would find it reset (RFC 9112 §9.3).
 */
export const closeUnread: Middleware = async (ctx, next) => {
  await next();
  if (!ctx.req.complete) ctx.set('Connection', 'close');
};
