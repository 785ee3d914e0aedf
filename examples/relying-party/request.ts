/** Reads requests and writes pages: sessions by cookie, forms, headers. */
import { timingSafeEqual } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import type { Html } from './html.ts';
import { page } from './pages.ts';
import type { Session, Sessions } from './sessions.ts';
import type { Settings } from './settings.ts';

/** Bytes. */
const MAX_BODY = 64 * 1024;

/** Throws a 415 or 413 error for anything but a small form. */
export async function readForm(ctx: Context): Promise<URLSearchParams> {
  if (!ctx.is('urlencoded')) ctx.throw(415);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) ctx.throw(413);
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

/** Throws a 403 error unless the form came from a page of this session. */
export async function checkCsrf(ctx: Context, session: Session): Promise<void> {
  const sent = Buffer.from((await readForm(ctx)).get('csrf') ?? '');
  const expected = Buffer.from(session.csrf);
  const isOurs = sent.length === expected.length && timingSafeEqual(sent, expected);
  if (!isOurs) ctx.throw(403, 'This form is not of this session. Go back and try again.');
}

export function sendPage(ctx: Context, title: string, content: Html, session?: Session): void {
  ctx.type = 'html';
  ctx.body = page(title, session, content);
}

/** 303, so that a form that was posted is not posted on (RFC 9700 §4.12). */
export function seeOther(ctx: Context, url: string): void {
  ctx.redirect(url);
  ctx.status = 303;
}

/** The session cookie: host-only, signed, not readable by scripts. */
export function createSessionCookie(sessions: Sessions, { baseUrl }: Settings) {
  const secure = baseUrl.protocol === 'https:';
  const name = secure ? '__Host-example-app' : 'example-app';
  return {
    session: (ctx: Context): Session | undefined =>
      sessions.find(ctx.cookies.get(name, { signed: true })),
    set(ctx: Context, session: Session | undefined): void {
      // TLS may end at a proxy: BASE_URL knows, the socket does not.
      ctx.cookies.secure = secure;
      // Lax, as the way back from the authorization server is a cross-site navigation.
      const attributes = { path: '/', httpOnly: true, sameSite: 'lax', secure } as const;
      ctx.cookies.set(name, session?.id ?? null, { ...attributes, signed: true, overwrite: true });
    },
  };
}

export type SessionCookie = ReturnType<typeof createSessionCookie>;

/** `form-action` names the issuer because browsers apply it to the redirect of the sign-out form. */
export const securityHeaders = ({ issuer }: Settings): Middleware => {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    `form-action 'self' ${issuer.origin}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return async (ctx, next) => {
    ctx.set('Content-Security-Policy', policy.join('; '));
    ctx.set('X-Content-Type-Options', 'nosniff');
    ctx.set('Referrer-Policy', 'no-referrer');
    ctx.set('Cache-Control', 'no-store');
    await next();
  };
};
