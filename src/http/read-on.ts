import type { Middleware } from 'koa';

/**
 * What is left of a body that was refused before its end is read and thrown away: closing the connection on it could
 * take the answer along (RFC 9112 §9.6), and left alone it would stand in the way of the next request. The server's
 * `requestTimeout` bounds it.
 */
export const readOn: Middleware = async (ctx, next) => {
  await next();
  if (!ctx.req.complete) ctx.req.resume();
};
