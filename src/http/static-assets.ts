import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Middleware } from 'koa';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.js': 'text/javascript; charset=utf-8',
};

/**
 * Serves the few files of a folder from memory, with ETags; nothing else is reachable. `names`: only these, else all
 * that a page may load.
 */
export function staticAssets(
  folder: string,
  prefix: string,
  names: readonly string[] = readdirSync(folder),
): Middleware {
  const files = new Map(
    names
      .filter((name) => extname(name) in TYPES)
      .map((name) => {
        const body = readFileSync(join(folder, name));
        const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`;
        return [`${prefix}/${name}`, { body, etag, type: TYPES[extname(name)] ?? '' }];
      }),
  );
  return async (ctx, next) => {
    const file = files.get(ctx.path);
    if (!file || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    ctx.set('Cache-Control', 'public, max-age=3600');
    ctx.etag = file.etag;
    ctx.type = file.type;
    ctx.status = 200;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = file.body;
  };
}
