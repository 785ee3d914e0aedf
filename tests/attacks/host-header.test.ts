import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { createUser, signedInBrowser } from '../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { basePath } from './base-path.ts';
import { fastest, type RawAnswer, rawRequest } from './raw-request.ts';

/** Milliseconds that a hostile header may cost, the fastest of some attempts counted. */
const BUDGET = 50;

const EVIL = 'evil.example.net';

const HOSTS = [
  EVIL,
  `${EVIL}:443`,
  'evil:x@auth.example.com',
  `auth.example.com@${EVIL}`,
  `auth.example.com.${EVIL}`,
  `auth.example.com/${EVIL}`,
  `${EVIL}#auth.example.com`,
  `${EVIL}?auth.example.com`,
  `[::1]@${EVIL}`,
  'evil\\@auth.example.com',
  '"><script>alert(1)</script>',
  '',
];

const FORWARDED = [
  `X-Forwarded-Host: ${EVIL}`,
  `X-Forwarded-Host: auth.example.com, ${EVIL}`,
  `X-Forwarded-Server: ${EVIL}`,
  `X-Original-Host: ${EVIL}`,
  `X-Host: ${EVIL}`,
  `X-HTTP-Host-Override: ${EVIL}`,
  `Forwarded: host=${EVIL};proto=http;for=1.2.3.4`,
  'X-Forwarded-Proto: http',
  'X-Forwarded-Proto: javascript',
  'X-Forwarded-Port: 1234',
  `X-Forwarded-Prefix: //${EVIL}`,
  `X-Original-URL: //${EVIL}/`,
  `X-Rewrite-URL: //${EVIL}/`,
];

const DISCOVERY = '/.well-known/openid-configuration';

describe('Host and forwarding headers', () => {
  let app: TestApp;
  let rp: RelyingParty;
  let base: string;
  let cookie: string;

  before(async () => {
    app = await startTestApp({
      origin: 'https://auth.example.com',
      // Even a proxy that we trust for addresses says nothing of our URL.
      settings: { TRUST_PROXY: '127.0.0.1' },
    });
    base = basePath(app);
    rp = await createRelyingParty(app);
    const browser = await signedInBrowser(app, await createUser(app));
    cookie = await browser.jar.getCookieString(`${app.issuer}/oidc/logout`);
    // Metadata may be answered from memory: then its first caller must not have chosen the URLs.
    for (const path of Object.values(paths())) await get(path, 'evil.example.net');
  });
  after(() => app.close());

  /** Everything that builds a URL: metadata, redirects, forms, cookies. */
  const paths = (): Record<string, string> => ({
    discovery: DISCOVERY,
    'OAuth metadata': '/.well-known/oauth-authorization-server',
    'redirect to our page': rp.authorizationUrl({ prompt: 'login' }),
    'redirect to the client': rp.authorizationUrl({ prompt: 'none' }),
    'sign-out form': '/oidc/logout',
    'error page': '/oidc/authorize?client_id=unknown',
    'nothing there': '/nothing',
  });

  async function get(
    path: string,
    host: string,
    extra: readonly string[] = [],
  ): Promise<RawAnswer> {
    const head = [
      `GET ${base}${path} HTTP/1.1`,
      `Host: ${host}`,
      'Accept: text/html, application/json',
    ];
    return rawRequest(app, [...head, `Cookie: ${cookie}`, ...extra]);
  }

  /** Without what differs from request to request, and with header fields in one order and spelling: memory has its own. */
  const withoutRandomParts = ({ text }: RawAnswer): string => {
    const [head = '', ...body] = text.split('\r\n\r\n');
    const fields = head
      .split('\r\n')
      .map((line) => line.replace(/^[\w-]+:/, (name) => name.toLowerCase()))
      .filter((line) => !/^(x-request-id|date|set-cookie|etag|content-length):/.test(line));
    return [...fields.sort(), ...body]
      .join('\n')
      .replace(/[\w-]{21,}/g, 'random')
      .replace(/[\da-f]{8}-[\da-f-]{27}/g, 'random');
  };

  async function expectSame(name: string, path: string, changed: RawAnswer): Promise<void> {
    expect(changed.text, name).not.to.include('evil');
    expect(changed.text, name).not.to.include('<script>');
    const plain = await get(path, 'auth.example.com');
    expect(withoutRandomParts(changed), name).to.equal(withoutRandomParts(plain));
  }

  it('SEC-93 CVE-2026-27959 (Koa) a Host of any kind changes no answer', async () => {
    for (const host of HOSTS) {
      for (const [name, path] of Object.entries(paths())) {
        await expectSame(`${name}, Host ${JSON.stringify(host)}`, path, await get(path, host));
      }
    }
  });

  it('SEC-93 GHSA-2wmj-46rj-qm2w (ZITADEL) X-Forwarded-* and its kin change no answer', async () => {
    for (const header of FORWARDED) {
      for (const [name, path] of Object.entries(paths())) {
        const changed = await get(path, 'auth.example.com', [header]);
        await expectSame(`${name}, ${header}`, path, changed);
      }
    }
  });

  it('SEC-93 an absolute-form request target changes no answer (RFC 9112 §3.2.2)', async () => {
    for (const origin of [`http://${EVIL}`, `https://${EVIL}`, `http://evil:x@auth.example.com`]) {
      for (const [name, path] of Object.entries(paths())) {
        const head = [
          `GET ${origin}${base}${path} HTTP/1.1`,
          `Host: ${EVIL}`,
          'Accept: text/html, application/json',
          `Cookie: ${cookie}`,
        ];
        await expectSame(`${name}, ${origin}`, path, await rawRequest(app, head));
      }
    }
  });

  it('SEC-93 discovery names PUBLIC_URL only, whatever the request says', async () => {
    const answer = await get(DISCOVERY, EVIL, [
      `X-Forwarded-Host: ${EVIL}`,
      'X-Forwarded-Proto: http',
    ]);
    const urls = answer.body.match(/https?:\/\/[^"]+/g) ?? [];
    expect(urls).to.have.length.greaterThan(8);
    for (const url of urls) expect(url).to.match(/^https:\/\/auth\.example\.com(\/|$)/);
  });

  it('SEC-93 request targets that are no path are refused, and no crash', async () => {
    for (const target of [
      '*',
      '//evil.example.net/auth/me',
      '/\\evil.example.net',
      '?',
      'auth/me',
      '/%',
      '/%00',
      '/..;/auth/me',
      '/%2e%2e/auth/me',
      '/auth/%2e%2e/auth/me',
      'http://',
      'evil:80',
    ]) {
      const answer = await rawRequest(app, [`GET ${target} HTTP/1.1`, 'Host: auth.example.com']);
      expect(answer.status, target).to.be.within(400, 499);
      expect(answer.headers.get('location'), target).to.equal(undefined);
    }
    expect((await get('/health/live', 'x')).status).to.equal(200);
  });

  it('CVE-2025-32379 (Koa) no redirect or page reflects what a request brings', async () => {
    const html = '"><script>alert(1)</script>';
    const probes = [
      rp.authorizationUrl({ prompt: 'none', state: html }),
      rp.authorizationUrl({ prompt: 'login', state: html, login_hint: html }),
      rp.authorizationUrl({ redirect_uri: `javascript:alert(1)//${html}` }),
      `/oidc/authorize?client_id=${encodeURIComponent(html)}`,
      rp.authorizationUrl({ scope: html, response_type: html }),
      `/oidc/logout?state=${encodeURIComponent(html)}&post_logout_redirect_uri=javascript:alert(1)`,
      `/interaction/${encodeURIComponent(html)}`,
      `/${encodeURIComponent(html)}`,
    ];
    for (const path of probes) {
      const answer = await get(path, 'auth.example.com', [`Referer: javascript:alert(1)//${html}`]);
      expect(answer.status, path).to.be.lessThan(500);
      expect(answer.text, path).not.to.include('<script>');
      expect(answer.headers.get('location') ?? '', path).not.to.match(/^(javascript|data|\/\/)/i);
      expect(answer.body, path).not.to.match(/(href|src|action)="(javascript|data:text)/i);
    }
  });

  it('CVE-2025-25200 (Koa) long forwarding headers cost nothing', async () => {
    const hostile = {
      'many spaces': `a${' '.repeat(12_000)}b`,
      'many commas': ','.repeat(12_000),
      'commas and spaces': ' ,'.repeat(6_000),
      tabs: `https${'\t'.repeat(12_000)},`,
      'one long word': 'x'.repeat(12_000),
    };
    for (const [kind, value] of Object.entries(hostile)) {
      for (const name of [
        'X-Forwarded-Proto',
        'X-Forwarded-Host',
        'X-Forwarded-For',
        'Forwarded',
        'Accept',
        'Referer',
      ]) {
        const header = `${name}: ${value}`;
        const answer = await fastest(BUDGET, () =>
          get('/auth/unknown', 'auth.example.com', [header]),
        );
        expect(answer.status, `${name}, ${kind}`).to.equal(404);
        expect(answer.milliseconds, `${name}, ${kind}`).to.be.lessThan(BUDGET);
      }
    }
  });

  it('CVE-2025-25200 (Koa) 60 KB of X-Forwarded-Proto are refused by the parser, at once', async () => {
    const header = `X-Forwarded-Proto: ${'a, '.repeat(20_000)}`;
    const answer = await fastest(BUDGET, () => get('/auth/me', 'x', [header]));
    expect(answer.status).to.equal(431);
    expect(answer.milliseconds).to.be.lessThan(BUDGET);
  });

  it('CVE-2026-27959, CVE-2025-32379, CVE-2025-25200 the installed Koa is not one of the vulnerable ones', async () => {
    const { version } = JSON.parse(
      await readFile(new URL('../../node_modules/koa/package.json', import.meta.url), 'utf8'),
    ) as { version: string };
    const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
    expect(major * 1e6 + minor * 1e3 + patch).to.be.at.least(3_001_002);
  });
});
