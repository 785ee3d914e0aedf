/** A user agent without JavaScript: cookies as browsers keep them, redirects, forms. */
import { CookieJar } from 'tough-cookie';

export interface BrowserOptions {
  readonly issuer: string;
  /** Where requests for the issuer's origin really go. */
  readonly socket: string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>> | URLSearchParams;
  readonly body?: string | Uint8Array;
  /** Send no cookies and keep none. */
  readonly anonymous?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** What the request was sent to. */
  readonly url: string;
  /** The answer as JSON. Throws when it is none. */
  json<Body = Record<string, unknown>>(): Body;
  readonly location: URL | undefined;
  readonly setCookies: readonly string[];
}

export interface Form {
  readonly action: string;
  readonly method: string;
  readonly fields: Readonly<Record<string, string>>;
}

export type Browser = ReturnType<typeof createBrowser>;

const MAX_REDIRECTS = 12;

export function createBrowser({ issuer, socket }: BrowserOptions) {
  const jar = new CookieJar();
  const origin = new URL(issuer).origin;

  const request = async (target: string, options: RequestOptions = {}): Promise<Answer> => {
    const url = target.startsWith('/') ? `${issuer}${target}` : target;
    const headers = new Headers(options.headers);
    const cookies = options.anonymous ? '' : await jar.getCookieString(url);
    if (cookies && !headers.has('cookie')) headers.set('cookie', cookies);
    let body: string | Uint8Array | URLSearchParams | undefined = options.body;
    if (options.json !== undefined) {
      headers.set('content-type', 'application/json');
      body = JSON.stringify(options.json);
    }
    if (options.form) body = new URLSearchParams(options.form);
    const method = options.method ?? (body === undefined ? 'GET' : 'POST');
    const response = await fetch(url.replace(origin, socket), {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body: body as string }),
    });
    const setCookies = response.headers.getSetCookie();
    if (!options.anonymous) {
      for (const cookie of setCookies) await jar.setCookie(cookie, url, { ignoreError: true });
    }
    const text = await response.text();
    const location = response.headers.get('location');
    return {
      status: response.status,
      headers: response.headers,
      text,
      url,
      json: <Body>() => JSON.parse(text) as Body,
      location: location === null ? undefined : new URL(location, url),
      setCookies,
    };
  };

  /** Goes on from an answer to the first that is no redirect, or that leads to another origin. */
  const follow = async (answer: Answer): Promise<Answer> => {
    let current = answer;
    for (let hop = 0; hop < MAX_REDIRECTS; hop += 1) {
      const { location } = current;
      if (!location || location.origin !== origin) return current;
      current = await request(location.href);
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects, last ${current.url}`);
  };

  return {
    jar,
    request,
    follow,
    /** Opens a page as a browser does, redirects included. */
    open: async (target: string): Promise<Answer> =>
      follow(await request(target, { headers: { accept: 'text/html' } })),
    /** Fills a form of a page in and sends it as a browser does, redirects included. */
    submit: async (
      page: Answer,
      fields: Readonly<Record<string, string>> = {},
      which: (form: Form) => boolean = () => true,
    ): Promise<Answer> => {
      const form = forms(page).find(which);
      if (!form) throw new Error(`no such form on ${page.url}:\n${page.text.slice(0, 2000)}`);
      const sent = await request(form.action, {
        form: { ...form.fields, ...fields },
        headers: { accept: 'text/html', origin, 'sec-fetch-site': 'same-origin' },
      });
      return follow(sent);
    },
    cookie: async (name: string): Promise<string | undefined> => {
      const all = await jar.serialize();
      return all?.cookies.find(({ key }) => key === name)?.value as string | undefined;
    },
  };
}

const unescapeHtml = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

const attribute = (tag: string, name: string): string | undefined => {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : unescapeHtml(value);
};

/** The forms of a page, with the values they would send untouched. */
export function forms({ text, url }: Pick<Answer, 'text' | 'url'>): Form[] {
  return [...text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(
    ([, head = '', body = '']) => {
      const inputs = [...body.matchAll(/<input\b[^>]*>/g)].map(([tag]) => tag);
      const fields = inputs.flatMap((tag): [string, string][] => {
        const name = attribute(tag, 'name');
        return name === undefined ? [] : [[name, attribute(tag, 'value') ?? '']];
      });
      return {
        action: new URL(attribute(head, 'action') ?? '', url).href,
        method: attribute(head, 'method') ?? 'get',
        fields: Object.fromEntries(fields),
      };
    },
  );
}
