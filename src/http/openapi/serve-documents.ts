import { createHash } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { DOC_POLICY, docPage } from './doc-page.ts';
import { type OpenApiDocument, partOfDocument } from './document.ts';

interface Options {
  readonly document: OpenApiDocument;
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
  readonly hasViewer: boolean;
}

interface File {
  readonly type: string;
  readonly body: string;
  readonly etag: string;
}

/** The parts that people look for first; those of plugins follow. */
const FIRST = ['auth', 'users', 'roles', 'oauth2'];

const inOrder = (names: readonly string[]): string[] => [
  ...FIRST.filter((name) => names.includes(name)),
  ...names.filter((name) => !FIRST.includes(name)),
];

const fileOf = (type: string, body: string): File => ({
  type,
  body,
  etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`,
});

function filesOf({ document, base, hasViewer }: Options): ReadonlyMap<string, File> {
  const json = (value: OpenApiDocument) => fileOf('application/json', JSON.stringify(value));
  const parts = inOrder(document.tags.map(({ name }) => name));
  return new Map([
    ['/openapi.json', json(document)],
    ...parts.flatMap((part): [string, File][] => [
      [`/${part}/openapi.json`, json(partOfDocument(document, part))],
      [`/${part}/doc`, fileOf('html', docPage({ part, parts, base, hasViewer }))],
    ]),
  ]);
}

/**
 * `/openapi.json`, and for each part of the API (`/auth`, `/roles`, …) `/<part>/openapi.json` and the page
 * `/<part>/doc`. Written once, when the first of them is asked for.
 */
export function serveDocuments(options: () => Options): Middleware {
  let files: ReadonlyMap<string, File> | undefined;
  const find = (path: string): File | undefined => {
    if (!path.endsWith('/openapi.json') && !path.endsWith('/doc')) return undefined;
    files ??= filesOf(options());
    return files.get(path);
  };
  return async (ctx, next) => {
    const file = ctx.method === 'GET' || ctx.method === 'HEAD' ? find(ctx.path) : undefined;
    if (!file) return next();
    send(ctx, file);
  };
}

function send(ctx: Context, { type, body, etag }: File): void {
  if (type === 'html') ctx.set('Content-Security-Policy', DOC_POLICY);
  ctx.set('Cache-Control', 'public, max-age=60');
  ctx.type = type;
  ctx.etag = etag;
  ctx.status = 200;
  if (ctx.fresh) ctx.status = 304;
  else ctx.body = body;
}
