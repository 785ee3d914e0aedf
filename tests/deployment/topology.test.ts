/** What docker-compose.yml describes, from local programs: nginx with TLS, two nodes, PostgreSQL, Redis. */
import { connect } from 'node:tls';
import { expect } from 'chai';
import { type CallOptions, callOverTls, type Reply } from '../support/call-over-tls.ts';
import { INSTALL_TIME } from '../support/chromium.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findNginx, type Nginx, prepareNginx } from '../support/nginx.ts';
import { SECRET_KEY, type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { redisUrl } from '../support/service-urls.ts';

describe('two nodes behind nginx, over https', function () {
  this.timeout(INSTALL_TIME);
  let database: TestDatabase;
  let nginx: Nginx | undefined;
  let origin: string;
  const nodes: ServerProcess[] = [];

  const settings = {
    TRUST_PROXY: '127.0.0.1',
    REQUEST_ID_POLICY: 'require',
    RATE_LIMIT: 'on',
    RATE_LIMIT_READ: '5/0.001',
    SECRET_KEY,
  };

  before(async function () {
    const program = await findNginx();
    if (program === undefined) return this.skip();
    const prepared = await prepareNginx(program);
    ({ origin } = prepared);
    database = await createTestDatabase();
    for (let count = 0; count < 2; count += 1) {
      nodes.push(
        await startServerProcess({
          issuer: origin,
          databaseUrl: database.url,
          redisUrl: redisUrl(),
          settings,
        }),
      );
    }
    nginx = await prepared.start(nodes.map(({ socket }) => Number(new URL(socket).port)));
  });

  after(async () => {
    await nginx?.stop();
    await Promise.all(nodes.map((node) => node.stop()));
    await database?.drop();
  });

  const call = (path: string, options?: CallOptions) =>
    callOverTls(`${origin}${path}`, nginx?.ca ?? '', options);

  const post = (path: string, body: object) =>
    call(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('signs people in with cookies for https only, and both nodes know them', async () => {
    const person = { email: 'ada@example.com', password: 'seven quiet otters sing' };
    expect((await post('/auth/register', person)).status).to.equal(201);
    const login = await post('/auth/login', person);
    expect(login.status).to.equal(200);
    const cookies = [login.headers['set-cookie'] ?? []].flat();
    expect(cookies.length).to.be.greaterThan(2);
    for (const cookie of cookies) expect(cookie).to.match(/^__(Host|Secure)-.*; secure/i);
    const cookie = cookies.map((one) => one.split(';')[0]).join('; ');
    for (let turn = 0; turn < 4; turn += 1) {
      expect((await call('/auth/me', { headers: { cookie } })).status).to.equal(200);
    }
  });

  it('B-03 passes on what people with as many roles as fit send and are sent', async () => {
    // Each from another address, so that no bucket runs out.
    let caller = 2;
    const callAs = (path: string, method: string, cookie: string, body?: object) => {
      caller = (caller % 250) + 2;
      return call(path, {
        method,
        localAddress: `127.0.0.${caller}`,
        headers: { cookie, origin, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    };
    const cookiesOf = ({ headers }: Reply): string =>
      [headers['set-cookie'] ?? []]
        .flat()
        .map((one) => one.split(';')[0])
        .join('; ');
    const register = async (email: string) => {
      const person = { email, password: 'seven quiet otters sing' };
      const { text } = await callAs('/auth/register', 'POST', '', person);
      return { person, id: (JSON.parse(text) as { user: { id: string } }).user.id };
    };
    const { person, id } = await register('grace@example.com');
    const root = await register('root@example.com');
    await database.database.query(
      {
        name: 'test-make-superuser',
        text: `INSERT INTO user_roles (user_id, role_id, created_at)
          SELECT $1, id, now() FROM roles WHERE name = 'superuser'`,
      },
      [root.id],
    );
    const admin = cookiesOf(await callAs('/auth/login', 'POST', '', root.person));
    const statuses = new Set<number>();
    for (let count = 0; count < 60 && !statuses.has(409); count += 1) {
      const name = `r${count}`.padEnd(64, 'x');
      const role = await callAs('/roles', 'POST', admin, { name });
      const path = `/users/${id}/roles/${(JSON.parse(role.text) as { id: string }).id}`;
      statuses.add((await callAs(path, 'PUT', admin)).status);
    }
    expect([...statuses]).to.deep.equal([204, 409]);

    const login = await callAs('/auth/login', 'POST', '', person);
    expect(login.status).to.equal(200);
    const cookie = cookiesOf(login);
    expect(cookie.length).to.be.greaterThan(4000);
    const me = await callAs('/auth/me', 'GET', cookie);
    expect(me.status).to.equal(200);
    expect(JSON.parse(me.text).roles).to.have.length.greaterThan(25);
    expect((await callAs('/auth/refresh', 'POST', cookie)).status).to.equal(200);
    // As long as the URL of a sign-out gets: an ID token with those roles, and the longest `state`, escaped.
    const hint = { id_token_hint: 'x'.repeat(8192), state: '&'.repeat(2048) };
    const out = await callAs(`/oidc/logout?${new URLSearchParams(hint)}`, 'GET', cookie);
    expect(out.status).to.equal(400);
    expect(out.text).to.contain('id_token_hint');
  });

  it('has its own origin in the metadata, whatever Host says', async () => {
    const { text } = await call('/.well-known/openid-configuration', {
      headers: { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
    });
    const metadata = JSON.parse(text) as Record<string, string>;
    expect(metadata['issuer']).to.equal(origin);
    expect(metadata['token_endpoint']).to.equal(`${origin}/oidc/token`);
    expect(text).not.to.include('evil.example');
  });

  it('gives requests one id in nginx and in the server; the client’s does not count', async () => {
    const { headers } = await call('/.well-known/jwks.json', {
      headers: { 'x-request-id': 'chosen-by-the-client' },
    });
    expect(headers['x-request-id']).to.match(/^[0-9a-f]{32}$/);
    expect(await nginx?.log()).to.include(`id=${String(headers['x-request-id'])}`);
  });

  it('SEC-87 counts a client by its own address, not by what it claims', async () => {
    const answers = [];
    for (let turn = 0; turn < 8; turn += 1) {
      const headers = { 'x-forwarded-for': `198.18.0.${turn}`, 'x-real-ip': `198.18.1.${turn}` };
      answers.push((await call('/roles', { headers })).status);
    }
    expect(answers.filter((status) => status === 429).length).to.be.at.least(3);
  });

  it('keeps metrics and readiness to itself, and passes liveness on', async () => {
    expect((await call('/metrics')).status).to.equal(404);
    expect((await call('/health/ready')).status).to.equal(404);
    expect((await call('/health/live')).status).to.equal(200);
  });

  it('leads pages from http to https, and refuses anything else there', async () => {
    const page = await fetch(`${nginx?.plainOrigin}/oidc/authorize?a=b`, { redirect: 'manual' });
    expect(page.status).to.equal(308);
    expect(page.headers.get('location')).to.equal(`${origin}/oidc/authorize?a=b`);
    const token = await fetch(`${nginx?.plainOrigin}/oidc/token`, { method: 'POST', body: 'a=b' });
    expect(token.status).to.equal(403);
  });

  it('speaks TLS 1.2 and newer only, and answers no other name', async () => {
    const port = Number(new URL(origin).port);
    const handshake = (maxVersion: 'TLSv1.1' | 'TLSv1.3') =>
      new Promise<string>((resolve) => {
        const options = { port, host: '127.0.0.1', servername: 'localhost', ca: nginx?.ca ?? '' };
        const socket = connect(
          maxVersion === 'TLSv1.3'
            ? options
            : { ...options, maxVersion, minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' },
          () => {
            resolve(socket.getProtocol() ?? '');
            socket.end();
          },
        );
        socket.on('error', () => resolve('refused'));
      });
    expect(await handshake('TLSv1.3')).to.equal('TLSv1.3');
    expect(await handshake('TLSv1.1')).to.equal('refused');
    const stranger = await call('/auth/me', {
      servername: 'localhost',
      headers: { host: 'evil.example' },
    }).catch((error: Error) => error.message);
    expect(stranger).to.equal('socket hang up');
  });

  it('refuses a body beyond 64 KB before a node sees it', async () => {
    const { status } = await call('/auth/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'x'.repeat(70_000), password: 'y' }),
    });
    expect(status).to.equal(413);
  });
});
