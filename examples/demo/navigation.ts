/** The rules browsers keep when a page leads to another: SameSite, Fetch Metadata, `form-action`. */

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  /** Every address on the way, the last one included. */
  readonly way: readonly URL[];
}

export type SameSite = 'strict' | 'lax' | 'none';

/** A site is a scheme and a registrable domain; ports do not count. */
const siteOf = ({ protocol, hostname }: URL): string => `${protocol}//${hostname}`;

const isSameSite = (from: Page | undefined, way: readonly URL[]): boolean =>
  new Set([...(from ? [from.url] : []), ...way].map(siteOf)).size === 1;

export function sameSiteContext(
  method: string,
  from: Page | undefined,
  way: readonly URL[],
): SameSite {
  if (!from || isSameSite(from, way)) return 'strict';
  return method === 'GET' ? 'lax' : 'none';
}

/** Fetch Metadata, and the `Origin` of form posts, which `no-referrer` turns into "null" (Fetch §3.2). */
export function navigationHeaders(
  method: string,
  from: Page | undefined,
  way: readonly URL[],
): Record<string, string> {
  const origins = new Set([...(from ? [from.url] : []), ...way].map(({ origin }) => origin));
  const related = origins.size === 1 ? 'same-origin' : isSameSite(from, way) ? 'same-site' : '';
  const isOpaque = from?.headers.get('referrer-policy') === 'no-referrer' || way.length > 1;
  return {
    accept: 'text/html',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': from ? related || 'cross-site' : 'none',
    ...(method === 'POST' && from ? { origin: isOpaque ? 'null' : from.url.origin } : {}),
  };
}

/** Chromium holds the redirects after a form to the page's policy as well. */
export function checkFormAction(page: Page, target: URL): void {
  const policy = page.headers.get('content-security-policy') ?? '';
  const directive = /form-action([^;]*)/.exec(policy)?.[1];
  if (directive === undefined) return;
  const allowed = directive
    .trim()
    .split(/\s+/)
    .map((source) => (source === "'self'" ? page.url.origin : source));
  if (!allowed.includes(target.origin)) {
    throw new Error(`form-action of ${page.url.pathname} forbids ${target.origin}: ${directive}`);
  }
}
