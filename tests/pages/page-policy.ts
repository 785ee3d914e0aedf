import { expect } from 'chai';

type Headers = Readonly<Record<string, string>>;

/** The headers of a page (SEC-93). A page for a relying party may also lead to that one's origin. */
export function expectPagePolicy(headers: Headers): void {
  const directives = (headers['content-security-policy'] ?? '').split(/; ?/);
  expect(directives.filter((directive) => !directive.startsWith('form-action'))).to.deep.equal([
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]);
  expect(directives.at(-1)).to.match(/^form-action 'self'( http:\/\/127\.0\.0\.1:\d+)?$/);
  expect(headers).to.include({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  });
  expect(headers['cache-control']).to.include('no-store');
}
