/** Every request is counted: a walk over all that is mounted, and over what is not. */
import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import type { Answer, RequestOptions } from '../support/browser.ts';
import { anyAddress, requestFrom, startLimitedApp } from '../support/limited-app.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import type { TestApp } from '../support/test-app.ts';
import { registeredRoutes } from './registered-routes.ts';

const OTHER_SITE = 'https://front.example.com';
const ID = '00000000-0000-4000-8000-000000000000';

/** Never refused, since a node would be taken out of service by it; what they cost has a bound of its own. */
const UNLIMITED = ['/health/live', '/health/ready'];

const OIDC = [
  '/oidc/authorize',
  `/oidc/authorize/${ID}`,
  '/oidc/token',
  '/oidc/introspect',
  '/oidc/revoke',
  '/oidc/par',
  '/oidc/userinfo',
  '/oidc/logout',
  '/oidc/logout/confirm',
  '/oidc/logout/success',
  '/oidc/nothing',
  '/OIDC/TOKEN',
  '/.well-known/jwks.json',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/.well-known/nothing',
];

const DOCUMENTS = ['/openapi.json', '/auth/openapi.json', '/auth/doc', '/nothing/doc'];

const NOTHING = ['/', '/nothing', '/assets/nothing.css', '/metrics', '/health', '/%', '//x'];

const METHODS = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'];

describe('counted requests', function () {
  this.timeout(60_000);
  let app: TestApp;
  before(async () => {
    app = await startLimitedApp({
      settings: { RATE_LIMIT_OTHER: '2/0.001', CORS_ORIGINS: OTHER_SITE },
    });
  });
  after(() => app.close());

  /** `bucket <policy>`, `refused` when the third of three is, or `uncounted`. */
  async function howCounted(path: string, options: RequestOptions): Promise<string> {
    const ip = anyAddress();
    const call = (): Promise<Answer> => requestFrom(app, ip, path, { anonymous: true, ...options });
    const [, policy] = /^"([\w-]+)"/.exec((await call()).headers.get('ratelimit') ?? '') ?? [];
    if (policy) return `bucket ${policy}`;
    await call();
    const { status, headers } = await call();
    if (status !== 429) return 'uncounted';
    expect(headers.get('retry-after'), path).to.match(/^[1-9]\d*$/);
    expect(headers.get('ratelimit-policy'), path).to.equal('"other";q=2;w=2000');
    expect(headers.get('cache-control'), path).to.equal('no-store');
    return 'refused';
  }

  const paths = (): string[] => {
    const { routes, pages } = registeredRoutes(app);
    const stated = [...routes, ...pages].map(({ path }) => path.replace(/:\w+/g, ID));
    const assets = readdirSync(new URL('../../views/assets', import.meta.url));
    return [
      ...new Set([
        ...stated,
        `/interaction/${ID}`,
        `/interaction/${ID}/login`,
        ...OIDC,
        ...DOCUMENTS,
        ...assets.map((name) => `/assets/${name}`),
        ...NOTHING,
      ]),
    ];
  };

  const REQUESTS: Readonly<Record<string, RequestOptions>> = {
    'of a page of another site': { headers: { origin: 'https://evil.example' } },
    'of an allowed origin': { headers: { origin: OTHER_SITE } },
    'as a preflight': {
      method: 'OPTIONS',
      headers: { origin: OTHER_SITE, 'access-control-request-method': 'POST' },
    },
    'as a form of nonsense': { method: 'POST', form: { a: 'b' } },
    'as JSON of nonsense': { method: 'POST', json: { a: 'b' } },
    'as a body that cannot be read': {
      method: 'POST',
      body: '%%%',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'br' },
    },
    'in HTML': { headers: { accept: 'text/html' } },
    'without a valid id': { headers: { 'x-request-id': 'a b' } },
    ...Object.fromEntries(METHODS.map((method) => [`by ${method}`, { method }])),
  };

  for (const [name, options] of Object.entries(REQUESTS)) {
    it(`D8 SEC-89: every path there is, and some that are not, ${name}`, async () => {
      const found = await Promise.all(
        paths().map(async (path) => `${path}: ${await howCounted(path, options)}`),
      );
      expect(found.length).to.be.greaterThan(60);
      expect(found.filter((one) => one.endsWith(': uncounted'))).to.deep.equal([]);
    });
  }

  it('D8: readiness and liveness are refused to nobody', async () => {
    for (const path of UNLIMITED) {
      expect(await howCounted(path, {}), path).to.equal('uncounted');
      expect(await howCounted(`${path}x`, {}), path).to.equal('refused');
    }
  });

  it('D8: however many ask for readiness, the stores are asked once in 100 ms', async () => {
    let pings = 0;
    const counting = await startLimitedApp({
      wrapStorage: (storage) => ({
        ...storage,
        store: {
          ...storage.store,
          ping: () => {
            pings += 1;
            return storage.store.ping();
          },
        },
      }),
    });
    try {
      pings = 0;
      const started = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 200 }, () => counting.browser().request('/health/ready')),
      );
      const most = 1 + (performance.now() - started) / 100;
      expect(answers.map(({ status }) => status)).to.deep.equal(Array(200).fill(200));
      expect(pings).to.be.within(1, most);
    } finally {
      await counting.close();
    }
  });

  it('D8: calls of /oidc/token and its like that name no client share the bucket of their address', async () => {
    const limited = await startLimitedApp({ settings: { RATE_LIMIT_OIDC: '3/0.001' } });
    try {
      for (const path of ['/oidc/token', '/oidc/introspect', '/oidc/revoke', '/oidc/par']) {
        const ip = anyAddress();
        const call = () => requestFrom(limited, ip, path, { form: { a: 'b' } });
        for (let spent = 0; spent < 3; spent += 1) {
          const { status, headers } = await call();
          expect(status, path).to.be.within(400, 401);
          expect(headers.get('ratelimit'), path).to.match(/^"oidc";r=\d;t=\d+$/);
        }
        const refused = await call();
        expect(refused.status, path).to.equal(429);
        expect(refused.json(), path).to.include({ error: 'temporarily_unavailable' });
      }
    } finally {
      await limited.close();
    }
  });

  it('D8: a call of a known client is counted once, in its own bucket', async () => {
    const { client, secret } = await createRelyingParty(app, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
    });
    const basic = Buffer.from(`${client.client_id}:${secret}`).toString('base64');
    const { status, headers } = await requestFrom(app, anyAddress(), '/oidc/token', {
      form: { grant_type: 'client_credentials' },
      headers: { authorization: `Basic ${basic}` },
    });
    expect(status).to.equal(200);
    expect(headers.get('ratelimit')).to.match(/^"client";r=999;t=1$/);
  });

  it('D8: keys and metadata that are sent as they were are counted as well, and refused as cheaply', async () => {
    const ip = anyAddress();
    const call = () => requestFrom(app, ip, '/.well-known/jwks.json', { anonymous: true });
    expect((await call()).status).to.equal(200);
    expect((await call()).status).to.equal(200);
    const refused = await call();
    expect(refused.status).to.equal(429);
    expect(refused.json()).to.include({ error: 'temporarily_unavailable' });
    expect(refused.headers.get('x-request-id')).to.be.a('string');
    // Others are served.
    const other = await requestFrom(app, anyAddress(), '/.well-known/jwks.json');
    expect(other.status).to.equal(200);
  });
});
