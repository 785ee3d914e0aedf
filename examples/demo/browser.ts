/** A browser without a screen: follows redirects, keeps cookies, obeys SameSite and `form-action`. */
import { CookieJar } from 'tough-cookie';
import { type Form, formsOf, linksOf } from './html-page.ts';
import {
  checkFormAction,
  navigationHeaders,
  type Page,
  type SameSite,
  sameSiteContext,
} from './navigation.ts';

export type { Page };

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

  /** One request of a navigation; `next` is what its redirect asks for. */
  const hop = async ({ method, url, body, from }: Navigation, way: readonly URL[]) => {
    const headers = navigationHeaders(method, from, way);
    const context = sameSiteContext(method, from, way);
    const response = await send(url, { method, headers, ...(body && { body }) }, context);
    return { response, next: redirectOf(response, { method, url, ...(body && { body }) }) };
  };

  const navigate = async (start: Navigation): Promise<Page> => {
    const way: URL[] = [];
    let navigation: Navigation = start;
    while (way.length < MAX_REDIRECTS) {
      const { url } = navigation;
      way.push(url);
      if (start.method === 'POST' && start.from) checkFormAction(start.from, url);
      const { response, next } = await hop(navigation, way);
      const html = await response.text();
      if (!next) return { url, status: response.status, headers: response.headers, html, way };
      navigation = { ...next, ...(start.from && { from: start.from }) };
    }
    throw new Error(`Too many redirects: ${way.join(' ')}`);
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

function redirectOf(response: Response, { method, url, body }: Navigation): Navigation | undefined {
  const location = response.headers.get('location');
  if (response.status < 300 || response.status >= 400 || location === null) return undefined;
  const target = new URL(location, url);
  // 307 and 308 keep the method; a browser turns all others into GET.
  if (response.status <= 303) return { method: 'GET', url: target };
  return { method, url: target, ...(body && { body }) };
}

function fillIn(page: Page, text: string, fields: Readonly<Record<string, string>>) {
  for (const form of formsOf(page.html)) {
    const button = form.buttons.find((one) => one.text === text);
    if (!button) continue;
    const body = fieldsOf(form, fields);
    const { name, value = '', formaction } = button.attributes;
    if (name) body.set(name, value);
    return { body, action: formaction ?? form.attributes['action'] ?? '' };
  }
  throw new Error(`${page.url.href} (${page.status}) has no button "${text}"`);
}

/** What stands in the form, with what is typed into it. Throws an Error when there is no such field. */
function fieldsOf({ inputs }: Form, typed: Readonly<Record<string, string>>): URLSearchParams {
  const body = new URLSearchParams();
  for (const { name, value = '' } of inputs) if (name) body.set(name, value);
  for (const [name, value] of Object.entries(typed)) {
    if (!body.has(name)) throw new Error(`There is no field "${name}"`);
    body.set(name, value);
  }
  return body;
}
