import { expect } from 'chai';

type Headers = Readonly<Record<string, string>>;

/** Where forms may lead to another site, so that the page says nothing of `form-action` (B-01). */
const LEAVES_SITE = /\/(interaction|oauth2)\/|\/oidc\/logout$/;

export interface SeenPage {
  readonly url: string;
  /** Error pages have no form, wherever they come. */
  readonly isErrorPage: boolean;
  /** One of ours, that comes back with a token. */
  readonly hasForm: boolean;
  readonly headers: Headers;
}

/** The code of a mailed link or of a question in the path, or anything in the query. */
const isSecret = ({ pathname, search }: URL): boolean =>
  search !== '' || /\/(l|confirm)\//.test(pathname);

/** The headers of a page (SEC-93): its forms stay with us, but where they may lead to another site. */
export function expectPagePolicy({ url, isErrorPage, hasForm, headers }: SeenPage): void {
  const leavesSite = LEAVES_SITE.test(new URL(url).pathname) && !isErrorPage;
  expect((headers['content-security-policy'] ?? '').split(/; ?/), url).to.deep.equal([
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    ...(leavesSite ? [] : ["form-action 'self'"]),
  ]);
  expect(headers).to.include({
    'x-content-type-options': 'nosniff',
    'referrer-policy': hasForm && !isSecret(new URL(url)) ? 'same-origin' : 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  });
  expect(headers['cache-control']).to.include('no-store');
}
