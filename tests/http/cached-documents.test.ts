import { expect } from 'chai';
import { rawRequest } from '../attacks/raw-request.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const DOCUMENTS = ['/.well-known/jwks.json', '/.well-known/openid-configuration'];

describe('documents that are kept', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  const get = (path: string, headers: Record<string, string> = {}) =>
    app.browser().request(path, { anonymous: true, headers });

  const shared = (headers: Headers) =>
    Object.fromEntries([...headers].filter(([name]) => !['date', 'x-request-id'].includes(name)));

  for (const path of DOCUMENTS) {
    it(`${path} is the same the second time, with a request id of its own`, async () => {
      const first = await get(path);
      const second = await get(path);
      expect(second.status).to.equal(200);
      expect(second.text).to.equal(first.text);
      expect(shared(second.headers)).to.deep.equal(shared(first.headers));
      expect(second.headers.get('cache-control')).to.match(/^public, max-age=\d+$/);
      expect(second.headers.get('x-request-id')).not.to.equal(first.headers.get('x-request-id'));
    });

    it(`${path} is not sent again to whoever has it`, async () => {
      const etag = (await get(path)).headers.get('etag') ?? '';
      const known = await get(path, { 'if-none-match': `"other", W/${etag}` });
      expect([known.status, known.text]).to.deep.equal([304, '']);
      expect(known.headers.get('etag')).to.equal(etag);
      expect((await get(path, { 'if-none-match': '"other"' })).status).to.equal(200);
    });
  }

  it('SEC-93 a page of another origin gets the answer that CORS makes for it', async () => {
    await get('/.well-known/jwks.json');
    const answer = await get('/.well-known/jwks.json', { origin: 'https://spa.example.com' });
    expect(answer.headers.get('access-control-allow-origin')).to.equal('*');
  });

  it('other ways to write their address are answered, but not kept', async () => {
    const lines = (target: string) => [`GET ${target} HTTP/1.1`, 'Host: x'];
    const path = `${new URL(app.issuer).pathname.replace(/\/$/, '')}/.well-known/jwks.json`;
    const etagOf = async (target: string) =>
      (await rawRequest(app, lines(target))).headers.get('etag');
    expect(await etagOf(path)).to.be.a('string');
    const absolute = await rawRequest(app, lines(`http://x${path}`));
    expect(absolute.status).to.equal(200);
    expect(absolute.headers.has('etag')).to.equal(false);
  });

  it('only a GET without a query is answered so', async () => {
    await get('/.well-known/jwks.json');
    const post = await app.browser().request('/.well-known/jwks.json', { method: 'POST' });
    expect(post.status).to.equal(404);
    expect((await get('/.well-known/jwks.json?a=b')).status).to.equal(200);
  });
});
