/** X-Request-Id: checked, echoed, and the same in answers, problems, pages and log lines. */
import { expect } from 'chai';
import type { Answer } from '../support/browser.ts';
import { createRecordingLog } from '../support/log.ts';
import { createUser, login } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const OURS = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const VALID = ['a', 'A-Z_0.9', 'x'.repeat(128), '9f1c2a'];
const INVALID = ['x'.repeat(129), 'two words', 'a,b', 'ünï', 'semi;colon', '"quoted"', '{}', '<b>'];

const idOf = ({ headers }: Answer): string => headers.get('x-request-id') ?? '';
/** Header fields are bytes to Node: what is not ASCII goes as Latin-1. */
const ask = (app: TestApp, path: string, id: string | undefined, accept?: string) =>
  app.browser().request(path, {
    headers: {
      ...(id === undefined ? {} : { 'x-request-id': id }),
      ...(accept === undefined ? {} : { accept }),
    },
  });

describe('X-Request-Id', () => {
  const log = createRecordingLog();
  const apps = new Map<string, TestApp>();
  before(async () => {
    for (const policy of ['generate', 'accept', 'require']) {
      apps.set(policy, await startTestApp({ log, settings: { REQUEST_ID_POLICY: policy } }));
    }
  });
  after(() => Promise.all([...apps.values()].map((app) => app.close())));
  const under = (policy: string): TestApp => apps.get(policy) as TestApp;

  const EVERYWHERE = [
    '/auth/me',
    '/nowhere',
    '/oidc/userinfo',
    '/.well-known/jwks.json',
    '/health/live',
  ];

  it('generate: an id of ours, whatever the client sent', async () => {
    const app = under('generate');
    for (const path of EVERYWHERE) {
      for (const id of [undefined, ...VALID, ...INVALID]) {
        expect(idOf(await ask(app, path, id)), `${path} ${id}`).to.match(OURS);
      }
    }
  });

  it('accept: a valid one is kept, any other is replaced', async () => {
    const app = under('accept');
    for (const path of EVERYWHERE) {
      for (const id of VALID) expect(idOf(await ask(app, path, id)), path).to.equal(id);
      for (const id of [undefined, ...INVALID]) {
        expect(idOf(await ask(app, path, id)), `${path} ${id}`).to.match(OURS);
      }
    }
  });

  it('accept: two of them in one request are none', async () => {
    const headers = new Headers([
      ['x-request-id', 'one'],
      ['x-request-id', 'two'],
    ]);
    const { headers: answered } = await fetch(`${under('accept').socket}/health/live`, { headers });
    expect(answered.get('x-request-id')).to.match(OURS);
  });

  describe('require', () => {
    it('takes what is valid', async () => {
      const app = under('require');
      for (const id of VALID) {
        const answer = await ask(app, '/.well-known/jwks.json', id);
        expect([answer.status, idOf(answer)]).to.deep.equal([200, id]);
      }
    });

    it('refuses the rest with 400 and an id of ours, and does nothing', async () => {
      const app = under('require');
      for (const id of [undefined, ...INVALID]) {
        const answer = await app.browser().request('/auth/register', {
          json: { email: 'nobody@example.com', password: 'seven quiet otters sing' },
          headers: id === undefined ? {} : { 'x-request-id': id },
        });
        expect(answer.status, id).to.equal(400);
        expect(answer.headers.get('content-type')).to.match(/^application\/problem\+json/);
        expect(answer.json()).to.include({ instance: `urn:request:${idOf(answer)}` });
        expect(idOf(answer)).to.match(OURS);
      }
      const [row] = await app.database.database.query<{ count: number }>(
        { name: 'test-count-users', text: 'SELECT count(*)::integer AS count FROM users' },
        [],
      );
      expect(row?.count).to.equal(0);
    });

    it('speaks OAuth at the OIDC endpoints, and a page to browsers', async () => {
      const oidc = await ask(under('require'), '/oidc/userinfo', undefined);
      expect(oidc.status).to.equal(400);
      expect(oidc.json()).to.include({ error: 'invalid_request' });
      const page = await ask(under('require'), '/oidc/authorize', undefined, 'text/html');
      expect(page.status).to.equal(400);
      expect(page.headers.get('content-type')).to.match(/^text\/html/);
    });

    it('lets probes ask for the health without one', async () => {
      for (const path of ['/health/live', '/health/ready']) {
        expect((await ask(under('require'), path, undefined)).status).to.equal(200);
      }
    });
  });

  it('is in the problem, on the error page and in every log line that the request caused', async () => {
    const app = under('accept');
    const user = await createUser(app);
    const wanted = 'this-very-request';
    log.entries.length = 0;
    const page = await ask(app, '/nowhere', wanted, 'text/html');
    expect(page.text).to.include(wanted);
    const problem = await app.browser().request('/auth/login', {
      json: { email: user.email, password: 'not the password at all' },
      headers: { 'x-request-id': wanted },
    });
    expect(problem.json()).to.include({ instance: `urn:request:${wanted}` });
    await login(app.browser(), user);
    const eventsOf = (id: string | undefined) =>
      log.entries
        .map(({ fields }) => fields as { event?: string; request_id?: string })
        .filter(({ request_id }) => request_id === id)
        .map(({ event }) => event);
    // Lines of the HTTP layer and of a plugin that was handed no id.
    expect(eventsOf(wanted)).to.include.members([
      'login.refused',
      'request.refused',
      'request.ended',
    ]);
    expect(eventsOf(undefined)).not.to.include.members(['login.refused']);
  });
});
