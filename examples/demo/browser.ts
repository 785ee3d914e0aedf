/** A browser without a screen: follows redirects, keeps cookies, obeys SameSite and `form-action`. */
import { CookieJar } from 'tough-cookie';
import { formsOf, linksOf } from './html-page.ts';

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  /** Every address on the way, the last one included. */
  readonly way: readonly URL[];
}

export interface Browser {
  /** As typed into the address bar. */
  open(url: string): Promise<Page>;
  /** Clicks the link with this text. */
  follow(page: Page, link: string): Promise<Page>;
  /** Fills in the form that has this button and presses it. */
  press(page: Page, button: string, fields?: Readonly<Record<string, string>>): Promise<Page>;
  /** A request as `fetch` of a page of that origin sends it. */
  request(method: string, url: string, body?: object): Promise<Response>;
  cookie(url: string, name: string): Promise<string | undefined>;
}

interface Navigation {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly body?: URLSearchParams;
  /** The page that leads there. */
  readonly from?: Page;
}

const MAX_REDIRECTS = 20;

export function createBrowser(): Browser {
  const jar = new CookieJar();

  const send = async (url: URL, init: RequestInit, context: SameSite): Promise<Response> => {
    const headers = new Headers(init.headers);
    const cookies = await jar.getCookieString(url.href, { sameSiteContext: context });
    if (cookies) headers.set('cookie', cookies);
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const cookie of response.headers.getSetCookie()) await jar.setCookie(cookie, url.href);
    return response;
  };

  const navigate = async (start: Navigation): Promise<Page> => {
    let { method, url, body } = start;
    const way: URL[] = [];
    for (;;) {
      way.push(url);
      if (way.length > MAX_REDIRECTS) throw new Error(`Too many redirects: ${way.join(' ')}`);
      if (start.method === 'POST' && start.from) checkFormAction(start.from, url);
      const headers = navigationHeaders(method, start.from, way);
      const context = sameSiteContext(method, start.from, way);
      const response = await send(url, { method, headers, ...(body && { body }) }, context);
      const location = response.headers.get('location');
      const isRedirect = response.status >= 300 && response.status < 400 && location !== null;
      if (!isRedirect) {
        const html = await response.text();
        return { url, status: response.status, headers: response.headers, html, way };
      }
      await response.body?.cancel();
      url = new URL(location, url);
      if (response.status <= 303) {
        method = 'GET';
        body = undefined;
      }
    }
  };

  return {
    open: (url) => navigate({ method: 'GET', url: new URL(url) }),

    async follow(from, text) {
      const link = linksOf(from.html).find((one) => one.text === text);
      if (!link) throw new Error(`${from.url.href} has no link "${text}"`);
      return navigate({ method: 'GET', url: new URL(link.href, from.url), from });
    },

    async press(from, text, fields = {}) {
      const { action, body } = fillIn(from, text, fields);
      return navigate({ method: 'POST', url: new URL(action, from.url), body, from });
    },

    request: (method, url, body) => {
      const headers = {
        'sec-fetch-site': 'same-origin',
        ...(method === 'GET' ? {} : { origin: new URL(url).origin }),
        ...(body ? { 'content-type': 'application/json' } : {}),
      };
      const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
      return send(new URL(url), init, 'strict');
    },

    async cookie(url, name) {
      const cookies = await jar.getCookies(url);
      return cookies.find(({ key }) => key === name)?.value;
    },
  };
}

type SameSite = 'strict' | 'lax' | 'none';

/** A site is a scheme and a registrable domain; ports do not count. */
const siteOf = ({ protocol, hostname }: URL): string => `${protocol}//${hostname}`;

const isSameSite = (from: Page | undefined, way: readonly URL[]): boolean =>
  new Set([...(from ? [from.url] : []), ...way].map(siteOf)).size === 1;

function sameSiteContext(method: string, from: Page | undefined, way: readonly URL[]): SameSite {
  if (!from || isSameSite(from, way)) return 'strict';
  return method === 'GET' ? 'lax' : 'none';
}

/** Fetch Metadata, and the `Origin` of form posts, which `no-referrer` turns into "null" (Fetch §3.2). */
function navigationHeaders(
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
function checkFormAction(page: Page, target: URL): void {
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

function fillIn(page: Page, text: string, fields: Readonly<Record<string, string>>) {
  for (const { attributes, inputs, buttons } of formsOf(page.html)) {
    const button = buttons.find((one) => one.text === text);
    if (!button) continue;
    const body = new URLSearchParams();
    for (const { name, value = '' } of inputs) if (name) body.set(name, fields[name] ?? value);
    for (const name of Object.keys(fields)) {
      if (!body.has(name)) throw new Error(`The form of "${text}" has no field "${name}"`);
    }
    const { name, value = '', formaction } = button.attributes;
    if (name) body.set(name, value);
    return { body, action: formaction ?? attributes['action'] ?? '' };
  }
  throw new Error(`${page.url.href} (${page.status}) has no button "${text}"`);
}
