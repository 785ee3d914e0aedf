import { expect } from 'chai';
import type { OpenApiDocument } from '../../../src/http/openapi/document.ts';
import { registeredRoutes } from '../../attacks/registered-routes.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';
import { lintDocument } from './lint-document.ts';

describe('the OpenAPI document', () => {
  let app: TestApp;
  let text: string;
  let document: OpenApiDocument;

  const get = (path: string, headers: Record<string, string> = {}) =>
    app.browser().request(path, { headers });

  before(async () => {
    app = await startTestApp({ settings: { RATE_LIMIT: 'on' } });
    ({ text } = await get('/openapi.json'));
    document = JSON.parse(text) as OpenApiDocument;
  });
  after(() => app.close());

  it('has nothing that Redocly complains about, as a whole and in its parts', async () => {
    expect(await lintDocument(text)).to.deep.equal([]);
    for (const { name } of document.tags) {
      const part = await get(`/${name}/openapi.json`);
      // The security schemes are those of the whole document.
      const found = (await lintDocument(part.text)).filter((line) => !/unused/.test(line));
      expect(found, name).to.deep.equal([]);
    }
  });

  it('is linted by something that finds faults', async () => {
    const [path = ''] = Object.keys(document.paths);
    const broken = { ...document, paths: { [path]: { get: { tags: ['none'], responses: {} } } } };
    expect(await lintDocument(JSON.stringify(broken))).to.not.have.lengthOf(0);
  });

  it('has every route with its answers, and no other path of ours', () => {
    const { routes } = registeredRoutes(app);
    for (const { method, path, success, summary } of routes) {
      const operation = document.paths[path.replace(/:(\w+)/g, '{$1}')]?.[method];
      expect(operation, `${method} ${path}`).to.include({ summary });
      expect(operation?.['responses'], path).to.include.keys(String(success.status), '503', '429');
    }
    const ours = Object.entries(document.paths).filter(([path]) => !/^\/(oidc|\.well-)/.test(path));
    const operations = ours.flatMap(([, item]) => Object.keys(item));
    const { pages } = registeredRoutes(app);
    const described = pages.filter(({ document: said }) => said !== undefined);
    expect(operations).to.have.lengthOf(routes.length + described.length);
  });

  it('has the navigations that front ends begin, with their answers', () => {
    const { get: operation } = document.paths['/oauth2/{provider}/authorize'] ?? {};
    expect(operation).to.deep.include({ tags: ['oauth2'], security: [] });
    expect(operation?.['responses']).to.include.keys('200', '303', '400', '404', '429', '502');
    const { parameters } = operation as { parameters: readonly { name: string; in: string }[] };
    expect(parameters.map((one) => `${one.in} ${one.name}`)).to.deep.equal([
      'path provider',
      'query return_to',
      'query prompt',
    ]);
    expect(document.paths['/oauth2/{provider}/callback']?.['get']).to.be.an('object');
  });

  it('names what protects a route and how it can fail', () => {
    const { put: operation } = document.paths['/users/{id}/roles/{roleId}'] ?? {};
    expect(operation).to.deep.include({
      'x-role': 'superuser',
      'x-scope': 'admin',
      security: [{ accessCookie: [] }, { bearer: [] }],
    });
    const told = JSON.stringify(operation);
    for (const type of [
      'http:cross-site',
      'http:reauthentication-required',
      'rate-limit:too-many-requests',
      'users:not-found',
      'http:request-id-required',
    ]) {
      expect(told).to.include(`"urn:problem:${type}"`);
    }
  });

  it('leaves rate limits out where nothing is limited', async () => {
    const unlimited = await startTestApp();
    const answer = await unlimited.browser().request('/openapi.json');
    expect(answer.text).to.not.match(/RateLimit|too-many-requests/);
    await unlimited.close();
  });

  it('comes from PUBLIC_URL, with an ETag', async () => {
    expect(document['servers']).to.deep.equal([{ url: app.issuer }]);
    const first = await get('/openapi.json');
    expect(first.headers.get('cache-control')).to.match(/^public/);
    expect(first.headers.get('content-type')).to.match(/^application\/json/);
    const etag = first.headers.get('etag') ?? '';
    // fetch would ask for no cached answer.
    const conditional = { 'if-none-match': etag, 'cache-control': 'max-age=0' };
    const second = await get('/openapi.json', conditional);
    expect([second.status, second.text]).to.deep.equal([304, '']);
    for (const path of ['/nothing/openapi.json', '/nothing/doc', '/auth/me/doc']) {
      expect((await get(path)).status, path).to.equal(404);
    }
  });
});
