/** Where passwords are hashed, whoever finds no place is refused before anything is done for the request. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { connect, Socket } from 'node:net';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import { startLimitedApp } from '../support/limited-app.ts';
import { createUser, PASSWORD } from '../support/people.ts';
import type { TestApp } from '../support/test-app.ts';

/** One is hashed, one waits. */
const PLACES = { HASH_SLOTS: '1', HASH_QUEUE: '1' };

const ROUTES = [
  ['POST', '/auth/login'],
  ['POST', '/auth/register'],
  ['POST', '/auth/reauthenticate'],
  ['PUT', '/auth/password'],
  ['PUT', '/auth/email'],
  ['POST', '/auth/password/reset'],
  ['POST', '/auth/email/confirm'],
] as const;

const PAGES = [
  ...['login', 'again', 'link', 'register'].map((step) => `/interaction/${randomUUID()}/${step}`),
  '/l/some-code',
  '/oauth2/google/confirm/some-code',
];

describe('a full hashing queue (I6)', () => {
  let app: TestApp;
  before(async () => {
    app = await startLimitedApp({ settings: PLACES });
  });
  after(() => app.close());

  /** Takes every place until `leave` is called. */
  async function fill() {
    const gate = Promise.withResolvers<void>();
    const { admit } = app.app.use(Users);
    const taken = [1, 2].map(() => admit(() => gate.promise));
    const leave = async (): Promise<void> => {
      gate.resolve();
      await Promise.all(taken);
    };
    return { leave };
  }

  for (const [method, path] of ROUTES) {
    it(`${method} ${path}: 503 with Retry-After, and no attempt is spent`, async () => {
      const { leave } = await fill();
      const answer = await app.browser().request(path, { method, json: {} });
      await leave();
      expect(answer.status).to.equal(503);
      expect(answer.json()).to.include({ type: 'urn:problem:users:busy' });
      expect(answer.headers.get('retry-after')).to.equal('1');
      expect(answer.headers.get('ratelimit')).to.equal(null);
      expect((await app.browser().request(path, { method, json: {} })).status).to.be.below(500);
    });
  }

  for (const path of PAGES) {
    it(`the form at ${path.replace(/[0-9a-f-]{36}/, ':uid')}: a page with 503`, async () => {
      const { leave } = await fill();
      const headers = { origin: new URL(app.issuer).origin };
      const answer = await app.browser().request(path, { method: 'POST', form: {}, headers });
      await leave();
      expect(answer.status).to.equal(503);
      expect(answer.headers.get('content-type')).to.match(/^text\/html/);
      expect(answer.headers.get('retry-after')).to.equal('1');
    });
  }

  for (const target of ['/auth/login', '/auth/login?a#b', '/auth/login#b', 'http:/auth/login']) {
    it(`${target} begins in its turn, not at once`, () => {
      const base = new URL(app.issuer).pathname.replace(/\/$/, '');
      const url = target.startsWith('/') ? `${base}${target}` : target;
      const req = Object.assign(new IncomingMessage(new Socket()), { method: 'POST', url });
      const res = new ServerResponse(req);
      app.app.callback(req, res);
      // Koa begins with a 404.
      expect(res.statusCode).to.equal(200);
      req.destroy();
    });
  }

  it('every route that says it may be too busy is one of these', async () => {
    const { paths } = (await app.browser().request('/openapi.json')).json<{
      paths: Record<string, Record<string, unknown>>;
    }>();
    const busy = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([, operation]) => JSON.stringify(operation).includes('users:busy'))
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
    expect(busy).to.have.members(ROUTES.map((route) => route.join(' ')));
  });

  it('CWE-400 bodies that never end take nobody’s place', async () => {
    const user = await createUser(app);
    const { hostname, port } = new URL(app.socket);
    const path = `${new URL(app.issuer).pathname.replace(/\/$/, '')}/auth/login`;
    const dribble = async () => {
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      const head = [
        `POST ${path} HTTP/1.1`,
        'Host: x',
        'Content-Type: application/json',
        'Content-Length: 99',
      ];
      socket.write(`${head.join('\r\n')}\r\n\r\n{`);
      return socket;
    };
    const sockets = await Promise.all(Array.from({ length: 5 }, dribble));
    const json = { email: user.email, password: PASSWORD };
    expect((await app.browser().request('/auth/login', { json })).status).to.equal(200);
    for (const socket of sockets) socket.destroy();
  });
});
