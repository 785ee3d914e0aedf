import { expect } from 'chai';
import { refreshAt, tokensOf } from '../support/cookie-api.ts';
import { createRecordingLog } from '../support/log.ts';
import { readMetrics } from '../support/metrics.ts';
import { ISSUER } from '../support/nodes.ts';
import { createUser, login } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

describe('a process that cannot keep up (I5)', () => {
  const log = createRecordingLog();
  let app: TestApp;
  let milliseconds = 0;
  before(async () => {
    app = await startTestApp({
      origin: ISSUER,
      log,
      settings: { OVERLOAD_DELAY: '500' },
      eventLoop: { milliseconds: () => milliseconds, close: () => undefined },
    });
  });
  after(() => app?.close());
  afterEach(() => {
    milliseconds = 0;
  });

  it('refuses API calls, OIDC calls and pages in their own ways, and takes them again afterwards', async () => {
    const user = await createUser(app);
    const browser = app.browser();
    const cookies = tokensOf(await login(browser, user));
    const rp = await createRelyingParty(app);
    const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
    const token = { grant_type: 'refresh_token', refresh_token: body.refresh_token ?? '' };

    milliseconds = 501;
    const api = await refreshAt(app, cookies.refresh);
    expect(api.json()).to.include({ type: 'urn:problem:http:overloaded', status: 503 });
    const oidc = await rp.post('/oidc/token', token);
    expect(oidc.json()).to.include({ error: 'temporarily_unavailable' });
    const page = await app
      .browser()
      .request(rp.authorizationUrl(), { headers: { accept: 'text/html' } });
    expect(page.headers.get('content-type')).to.match(/^text\/html/);
    for (const answer of [api, oidc, page]) {
      expect(answer.status).to.equal(503);
      expect(answer.headers.get('retry-after')).to.match(/^[1-9]\d*$/);
    }

    milliseconds = 500;
    expect((await refreshAt(app, cookies.refresh)).status).to.equal(200);
    expect((await rp.post('/oidc/token', token)).status).to.equal(200);
  });

  it('still says how it is, counts what it refused and logs beginning and end alone', async () => {
    const logged = () =>
      log.entries
        .filter(({ level }) => level !== 'debug')
        .map(({ fields }) => (fields as { event: string }).event)
        .filter((event) => /overload|request/.test(event));
    const shed = async () =>
      Number(/^auth_requests_shed_total (\d+)$/m.exec(await readMetrics(app))?.[1]);
    const before = { shed: await shed(), lines: logged().length };
    milliseconds = 10_000;
    for (let call = 0; call < 3; call += 1) {
      expect((await app.browser().request('/.well-known/jwks.json')).status).to.equal(503);
    }
    expect((await app.browser().request('/health/live')).status).to.equal(200);
    expect((await app.browser().request('/health/ready')).status).to.equal(200);
    expect(await shed()).to.equal(before.shed + 3);
    milliseconds = 0;
    expect((await app.browser().request('/.well-known/jwks.json')).status).to.equal(200);
    expect(logged().slice(before.lines)).to.deep.equal(['overload.began', 'overload.ended']);
  });
});

describe('OVERLOAD_DELAY=0', () => {
  it('takes every request, however late the event loop is', async () => {
    const app = await startTestApp({
      settings: { OVERLOAD_DELAY: '0' },
      eventLoop: { milliseconds: () => 60_000, close: () => undefined },
    });
    try {
      expect((await app.browser().request('/.well-known/jwks.json')).status).to.equal(200);
    } finally {
      await app.close();
    }
  });
});
