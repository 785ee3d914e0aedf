import { expect } from 'chai';
import { type Answer, forms } from '../support/browser.ts';
import { createUser, login, PASSWORD } from '../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { rawRequest } from './raw-request.ts';

const ORIGIN = 'https://auth.example.com';
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];

/** One answer of each class that the server gives, by name. */
type Answers = Readonly<Record<string, Answer>>;

async function answersOf(app: TestApp, rp: RelyingParty): Promise<Answers> {
  const browser = app.browser();
  const { request } = browser;
  const user = await createUser(app);
  const html = { accept: 'text/html' };
  const started = await request(rp.authorizationUrl(), { headers: html });
  const signInPage = await request(started.location?.href ?? '');
  const form = forms(signInPage).find(({ action }) => action.endsWith('/login'));
  const sameOrigin = { 'sec-fetch-site': 'same-origin', ...html };
  const credentials = { email: user.email, password: PASSWORD };
  const signedIn = await login(browser, user);
  const stylesheet = /href="([^"]+\.css)"/.exec(signInPage.text)?.[1] ?? '';
  return {
    'JSON 200': await request('/auth/me'),
    'JSON 200 with cookies': signedIn,
    'JSON 201': await request('/auth/register', {
      json: { email: `h-${user.email}`, password: PASSWORD },
    }),
    'no content 204': await app.browser().request('/auth/logout', { method: 'POST' }),
    'problem 400': await request('/auth/login', { json: { email: 1 } }),
    'problem 401': await app.browser().request('/auth/me'),
    'problem 403': await request('/auth/logout', {
      method: 'POST',
      headers: { 'sec-fetch-site': 'cross-site' },
    }),
    'problem 404': await request('/nothing/here'),
    'problem 405': await request('/auth/login'),
    'problem 413': await request('/auth/login', { json: { email: 'x'.repeat(40_000) } }),
    'problem 415': await request('/auth/login', {
      body: 'x',
      headers: { 'content-type': 'text/plain', 'sec-fetch-site': 'same-origin' },
    }),
    'page 200': signInPage,
    'page 401': await request(form?.action ?? '', {
      form: { ...form?.fields, ...credentials, password: 'wrong' },
      headers: sameOrigin,
    }),
    'page 403': await request(form?.action ?? '', { form: credentials, headers: sameOrigin }),
    'page 404': await request('/nothing/here', { headers: html }),
    'expired interaction': await request('/interaction/unknown', { headers: html }),
    'redirect 303 to a page': started,
    'redirect 303 to the client': await request(rp.authorizationUrl({ prompt: 'none' })),
    'authorization error page': await request('/oidc/authorize?client_id=unknown', {
      headers: html,
    }),
    'sign-out page': await request('/oidc/logout', { headers: html }),
    'signed-out page': await app.browser().request('/oidc/logout/success', { headers: html }),
    'token 200': await rp.post('/oidc/token', { grant_type: 'client_credentials' }),
    'token 400': await rp.post('/oidc/token', { grant_type: 'refresh_token', refresh_token: 'x' }),
    'token 401': await request('/oidc/token', {
      form: { grant_type: 'client_credentials' },
      headers: { authorization: `Basic ${btoa(`${rp.client.client_id}:wrong`)}` },
    }),
    'userinfo 401': await request('/oidc/userinfo'),
    'introspection 200': await rp.post('/oidc/introspect', { token: 'x' }),
    'revocation 200': await rp.post('/oidc/revoke', { token: 'x' }),
    'PAR 400': await rp.post('/oidc/par', {}),
    discovery: await request('/.well-known/openid-configuration'),
    jwks: await request('/.well-known/jwks.json'),
    stylesheet: await request(new URL(stylesheet, app.issuer).href),
    'live 200': await request('/health/live'),
    'ready 200': await request('/health/ready'),
    'HEAD 200': await request('/auth/me', { method: 'HEAD' }),
    OPTIONS: await request('/auth/me', { method: 'OPTIONS' }),
  };
}

/** A relying party's callback follows their forms, and whatever that one redirects to (B-01): no `form-action`. */
const LEAVES_SITE = ['page 200', 'page 401', 'sign-out page'];
/** Our own form, which comes back with our origin (B-07). */
const HAS_FORM = ['page 200', 'page 401'];
const PUBLIC = new Set(['discovery', 'jwks', 'stylesheet']);

describe('headers of every class of response', () => {
  let app: TestApp;
  let rp: RelyingParty;
  let answers: Answers;

  before(async () => {
    app = await startTestApp({ origin: ORIGIN });
    rp = await createRelyingParty(app, {
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    });
    answers = await answersOf(app, rp);
  });
  after(() => app.close());

  /** Checks one header of every answer. */
  function expectHeader(name: string, check: (value: string | null, kind: string) => void): void {
    expect(Object.keys(answers)).to.have.length.greaterThan(30);
    for (const [kind, { headers }] of Object.entries(answers)) check(headers.get(name), kind);
  }

  const expectEverywhere = (name: string, expected: string | null): void =>
    expectHeader(name, (value, kind) => expect(value, `${name} of ${kind}`).to.equal(expected));

  it('SEC-93 the answers are what they are called', () => {
    for (const [kind, { status }] of Object.entries(answers)) {
      const named = /\b(\d{3})\b/.exec(kind)?.[1];
      if (named) expect(status, kind).to.equal(Number(named));
    }
  });

  it('B-13 C18 SEC-93 HSTS for two years, for this host alone', () => {
    expectEverywhere('strict-transport-security', 'max-age=63072000');
  });

  it('B-13 SEC-93 hosts below it are the operator’s to name, below a path too; preload nobody’s', async () => {
    for (const [value, expected] of Object.entries({
      false: 'max-age=63072000',
      true: 'max-age=63072000; includeSubDomains',
    })) {
      const settings = { HSTS_SUBDOMAINS: value };
      const below = await startTestApp({ origin: ORIGIN, path: '/auth', settings });
      try {
        for (const path of ['/auth/me', '/nothing/here', '/.well-known/openid-configuration']) {
          const { headers } = await below.browser().request(path);
          expect(headers.get('strict-transport-security'), path).to.equal(expected);
        }
        const outside = await rawRequest(below, ['GET /nothing HTTP/1.1', 'Host: x']);
        expect(outside.status).to.equal(404);
        expect(outside.headers.get('strict-transport-security')).to.equal(expected);
      } finally {
        await below.close();
      }
    }
  });

  it('B-07 SEC-93 nosniff, no referrer to other sites, an opener and a resource policy, no frames', () => {
    expectEverywhere('x-content-type-options', 'nosniff');
    expectHeader('referrer-policy', (value, kind) => {
      expect(value, kind).to.equal(HAS_FORM.includes(kind) ? 'same-origin' : 'no-referrer');
    });
    expectEverywhere('cross-origin-opener-policy', 'same-origin');
    expectEverywhere('cross-origin-resource-policy', 'same-origin');
    expectEverywhere('x-frame-options', 'DENY');
  });

  it('SEC-93 a content security policy that allows nothing but our own files', () => {
    expectHeader('content-security-policy', (value, kind) => {
      const parts = (value ?? '').split('; ');
      expect(parts, kind).to.include.members(POLICY);
      const more = LEAVES_SITE.includes(kind) ? [] : ["form-action 'self'"];
      expect(parts, kind).to.deep.equal([...POLICY, ...more]);
      expect(value, kind).not.to.match(/unsafe|\*|nonce|http:/);
    });
  });

  it('SEC-93 nothing is stored by caches but what is public', () => {
    expectHeader('cache-control', (value, kind) => {
      if (PUBLIC.has(kind)) expect(value, kind).to.match(/^public, max-age=\d+$/);
      else expect(value, `cache-control of ${kind}`).to.match(/no-store/);
    });
  });

  it('SEC-93 every answer carries a request id of its own', () => {
    const ids = Object.values(answers).map(({ headers }) => headers.get('x-request-id'));
    for (const id of ids) expect(id).to.match(/^[\da-f-]{36}$/);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it('SEC-93 nobody is told what the server is made of', () => {
    for (const name of ['x-powered-by', 'server', 'via', 'x-response-time']) {
      expectEverywhere(name, null);
    }
    for (const [kind, { text }] of Object.entries(answers)) {
      expect(text, kind).not.to.match(
        /node_modules|\.ts:\d+|\.js:\d+|at \w+ \(|SequelizeDatabase|SELECT /,
      );
    }
  });

  it('SEC-93 content has the type of its class', () => {
    const typeOf = (kind: string): RegExp => {
      if (kind.startsWith('problem')) return /^application\/problem\+json$/;
      if (kind.includes('page ') || kind.endsWith(' page')) return /^text\/html; charset=utf-8$/;
      return /^(application|text)\//;
    };
    for (const [kind, { text, headers }] of Object.entries(answers)) {
      if (text !== '') expect(headers.get('content-type'), kind).to.match(typeOf(kind));
    }
  });

  it('SEC-93 pages hold no inline script, style or handler, which the policy would block', () => {
    const pages = Object.entries(answers).filter(([, { headers }]) =>
      headers.get('content-type')?.startsWith('text/html'),
    );
    expect(pages).to.have.length.greaterThan(6);
    for (const [kind, { text }] of pages) {
      expect(text, kind).not.to.match(/<style|\sstyle=|\son\w+=|javascript:/i);
      for (const [tag] of text.matchAll(/<script\b[^>]*>/g)) expect(tag, kind).to.match(/\ssrc="/);
      for (const [, url] of text.matchAll(/\s(?:src|href|action)="([^"]*)"/g)) {
        expect(url, kind).to.match(new RegExp(`^(/[^/]|${ORIGIN}/|data:image|#|$)`));
      }
    }
  });

  it('SEC-93 on plain http there is no HSTS, and everything else is the same', async () => {
    const local = await startTestApp();
    try {
      const answer = await local.browser().request('/auth/me');
      expect(answer.headers.get('strict-transport-security')).to.equal(null);
      expect(answer.headers.get('content-security-policy')).to.include("frame-ancestors 'none'");
      expect(answer.headers.get('cache-control')).to.include('no-store');
    } finally {
      await local.close();
    }
  });

  it('SEC-93 a 304 carries the same headers', async () => {
    const { url, headers } = answers['stylesheet'] ?? { url: '', headers: new Headers() };
    // As bytes: fetch adds a Cache-Control of its own.
    const again = await rawRequest(app, [
      `GET ${new URL(url).pathname} HTTP/1.1`,
      'Host: auth.example.com',
      `If-None-Match: ${headers.get('etag')}`,
    ]);
    expect(again.status).to.equal(304);
    expect(again.body).to.equal('');
    expect(again.headers.get('content-security-policy')).to.include("default-src 'none'");
    expect(again.headers.get('x-content-type-options')).to.equal('nosniff');
  });
});
