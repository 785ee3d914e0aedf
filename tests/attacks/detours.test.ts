import { expect } from 'chai';
import type { Route } from '../../src/kernel/route.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { callRoute, registeredRoutes } from './registered-routes.ts';

/** Health probes that a proxy in front of some products lets pass (oauth2-proxy). */
const PROBES = [
  'kube-probe/1.29',
  'GoogleHC/1.0',
  'ELB-HealthChecker/2.0',
  'Amazon-Route53-Health-Check-Service',
  'Prometheus/2.50.0',
  'Consul Health Check',
  'UptimeRobot/2.0',
  '',
];

const PREFIXES = [
  '/public',
  '/tenant-1',
  '/appid-x',
  '/appid-public/public',
  '/api',
  '/v1',
  '/auth',
  '/oidc',
  '/health',
  '/health/live',
  '/assets',
  '/.well-known',
  '/..',
  '/%2e%2e',
  '//',
  '/;x=y',
];

/** What other products take for another version of the API, another tenant, or somebody proven elsewhere. */
const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { 'cdi-version': '1.0' },
  { 'fdi-version': '1.0' },
  { 'api-version': '0' },
  { 'x-api-version': '1' },
  { 'api-key': '' },
  { 'x-api-key': 'x' },
  { rid: 'session' },
  { 'tenant-id': 'public' },
  { 'x-tenant-id': '' },
  { 'x-original-url': '/health/live' },
  { 'x-rewrite-url': '/health/live' },
  { 'x-forwarded-for': '127.0.0.1' },
  { 'x-forwarded-user': 'admin' },
  { 'x-forwarded-email': 'admin@example.com' },
  { 'x-remote-user': 'admin' },
  { 'x-user-id': '1' },
  { 'x-middleware-subrequest': 'middleware' },
];

describe('detours to our API', () => {
  let app: TestApp;
  let guarded: readonly Route[];

  before(async () => {
    app = await startTestApp();
    guarded = registeredRoutes(app).routes.filter(({ access }) => access.kind !== 'public');
    expect(guarded).not.to.have.lengthOf(0);
  });
  after(() => app.close());

  async function expectUnauthenticated(headers: Record<string, string>): Promise<void> {
    for (const route of guarded) {
      const { status } = await callRoute(app, route, headers);
      expect(status, `${route.method} ${route.path} ${JSON.stringify(headers)}`).to.equal(401);
    }
  }

  it('CVE-2026-34457 (oauth2-proxy) the User-Agent of a health probe opens nothing', async () => {
    for (const agent of PROBES) await expectUnauthenticated({ 'user-agent': agent });
    for (const path of ['/oidc/userinfo', '/oidc/introspect', '/oidc/token']) {
      const answer = await app.browser().request(path, {
        headers: { 'user-agent': 'kube-probe/1.29' },
        ...(path.endsWith('userinfo') ? {} : { form: { token: 'x', grant_type: 'x' } }),
      });
      expect(answer.status, path).to.be.within(400, 401);
    }
  });

  it('CVE-2026-123797 (SuperTokens) no header of another API version skips the check', async () => {
    for (const headers of HEADERS) await expectUnauthenticated(headers);
  });

  it('CVE-2026-123797 (SuperTokens) unknown prefixes and tenants lead nowhere', async () => {
    for (const prefix of PREFIXES) {
      for (const path of ['/auth/me', '/auth/me/', '/AUTH/ME', '/auth//me', '/auth/%6de']) {
        const answer = await app.browser().request(`${prefix}${path}`);
        expect(answer.status, `${prefix}${path}`).to.be.within(400, 499);
      }
    }
  });

  it('CVE-2026-123800 (SuperTokens) a path that ends where an id should be is no other path', async () => {
    const superuser = await createUser(app, ['superuser']);
    const token = (await (await signedInBrowser(app, superuser)).cookie('authsrv-access')) ?? '';
    const headers = { authorization: `Bearer ${token}` };
    const cut = guarded
      .filter(({ path }) => path.includes('/:'))
      .map((route) => ({
        ...route,
        path: route.path.slice(0, route.path.indexOf(':')),
      }));
    for (const path of ['/auth/me/', '/auth/', '/auth/sessions/', '/users/', '/roles/']) {
      for (const method of ['get', 'delete', 'patch'] as const) {
        const answer = await callRoute(app, { method, path }, headers);
        expect(answer.status, `${method} ${path}`).to.equal(404);
      }
    }
    for (const route of cut) {
      expect((await callRoute(app, route, headers)).status, route.path).to.equal(404);
    }
    expect((await callRoute(app, { method: 'get', path: '/auth/me' }, headers)).status).to.equal(
      200,
    );
  });

  it('SEC-76 other spellings of a path are other paths, or need the token as well', async () => {
    for (const path of [
      '/AUTH/me',
      '/auth/ME',
      '/auth/%6de',
      '/auth/me?x=/health/live',
      '/auth/me;x',
    ]) {
      const { status } = await app.browser().request(path);
      expect(status, path).to.be.oneOf([401, 404]);
    }
  });
});
