/** A page elsewhere points its own name at this machine: what is for this machine alone is not for it. */
import { expect } from 'chai';
import { Mails } from '../../src/plugins/mail/contract.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { basePath } from './base-path.ts';
import { rawRequest } from './raw-request.ts';

const OURS = [
  'localhost',
  'localhost:9999',
  'LocalHost:3000',
  'localhost.',
  '127.0.0.1',
  '127.0.0.1:80',
  '127.8.8.8',
  '[::1]',
  '[::1]:3000',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
];

const FOREIGN = [
  'evil.example:4111',
  'evil.example',
  '',
  'localhost.evil.example',
  'evil.localhost:3000',
  '127.0.0.1.evil.example',
  '127.0.0.1.nip.io',
  'evil:x@localhost',
  'localhost@evil.example',
  'localhost:x',
  'localhost:1:2',
  'localhost/evil.example',
  'localhost#',
  'localhost, evil.example',
  'localhost..',
  '10.0.0.1',
  '0.0.0.0',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '127.1',
  '[::]',
  '[::1',
  '::1',
  '[::1%lo]',
  '[::ffff:10.0.0.1]',
  '\u00e9',
];

describe('names that lead to this machine', () => {
  let app: TestApp;
  let base: string;
  let targets: Record<string, string>;

  before(async () => {
    app = await startTestApp();
    base = basePath(app);
    await app.storage.db.transaction((transaction) =>
      app.app.use(Mails).enqueue(
        {
          to: 'ana@example.com',
          template: 'reset-password',
          locals: { name: 'Ana', url: `${app.issuer}/l/abc`, hours: 1 },
        },
        transaction,
      ),
    );
    const list = await app.browser().request('/mail');
    const [, mail = ''] = /href="([^"]*\/mail\/[0-9a-f-]{36})"/.exec(list.text) ?? [];
    expect(mail).not.to.equal('');
    targets = { metrics: '/metrics', mails: `${base}/mail`, 'one mail': mail };
    if (base) targets['metrics below the path'] = `${base}/metrics`;
  });
  after(() => app.close());

  const get = (target: string, hosts: readonly string[], extra: readonly string[] = []) =>
    rawRequest(app, [
      `GET ${target} HTTP/1.1`,
      ...hosts.map((host) => `Host: ${host}`),
      'Accept: text/html',
      ...extra,
    ]);

  const statuses = async (hosts: readonly string[], prefix = '', extra: readonly string[] = []) =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(targets).map(async ([name, target]) => [
          name,
          (await get(`${prefix}${target}`, hosts, extra)).status,
        ]),
      ),
    ) as Record<string, number>;

  const expectAll = (found: Record<string, number>, status: number, what: string): void => {
    const wanted = Object.fromEntries(Object.keys(targets).map((name) => [name, status]));
    expect(found, what).to.deep.equal(wanted);
  };

  it('D17 mails and metrics are shown under our own name, localhost and loopback addresses', async () => {
    for (const host of [new URL(app.issuer).host, ...OURS]) {
      expectAll(await statuses([host]), 200, host);
    }
    expectAll(await statuses(['localhost'], 'http://localhost:1'), 200, 'absolute-form target');
  });

  it('D17 under any other Host they are not there', async () => {
    for (const host of FOREIGN) expectAll(await statuses([host]), 404, JSON.stringify(host));
  });

  it('D17 no second Host, request target or forwarding header talks round it', async () => {
    const refused = async (hosts: readonly string[], prefix = '', extra: readonly string[] = []) =>
      Object.values(await statuses(hosts, prefix, extra));
    const all: number[] = [
      ...(await refused(['localhost', 'evil.example'])),
      ...(await refused(['evil.example', 'localhost'])),
      ...(await refused(['localhost', 'localhost'])),
      ...(await refused(['localhost'], 'http://evil.example')),
      ...(await refused(['evil.example'], 'http://localhost')),
      ...(await refused(['localhost'], 'http://evil:x@localhost')),
      ...(await refused(['localhost'], '', ['X-Forwarded-For: 198.18.0.1'])),
      ...(await refused(['evil.example'], '', ['X-Forwarded-Host: localhost'])),
      ...(await refused(['evil.example'], '', ['Forwarded: host=localhost'])),
    ];
    expect(all).to.have.length(9 * Object.keys(targets).length);
    for (const status of all) expect(status).to.be.oneOf([400, 404]);
    const old = await rawRequest(app, [`GET ${targets['mails']} HTTP/1.0`]);
    expect(old.status).to.be.oneOf([400, 404]);
  });

  it('D17 what a proxy on this machine passes on for somebody else is not from here, however it says so', async () => {
    for (const header of [
      'X-Forwarded-For: 127.0.0.1, 198.18.0.1',
      'X-Forwarded-For:',
      'X-Real-IP: 198.18.0.1',
      'X-Client-IP: 198.18.0.1',
      'True-Client-IP: 2001:db8::1',
      'CF-Connecting-IP: 198.18.0.1',
      'Forwarded: for=198.18.0.1',
      'Forwarded: for="[2001:db8::1]:443";proto=https',
      'Forwarded: proto=https',
      'Via: 1.1 proxy',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: localhost',
    ]) {
      expectAll(await statuses(['localhost'], '', [header]), 404, header);
    }
    const own = ['X-Forwarded-For: 127.0.0.1', 'X-Real-IP: ::1', 'X-Forwarded-Proto: https'];
    expectAll(await statuses(['localhost'], '', own), 200, own.join());
  });

  it('D17 everything else goes on answering under any Host', async () => {
    for (const path of [
      '/health/live',
      `${base}/.well-known/openid-configuration`,
      `${base}/auth/password/forgot`,
    ]) {
      expect((await get(path, ['evil.example:4111'])).status, path).to.equal(200);
    }
  });
});

describe('a server behind TLS', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ origin: 'https://auth.example.com' });
  });
  after(() => app.close());

  it('D17 shows metrics to this machine under its own name and by address, and to no other name', async () => {
    const statusOf = async (host: string) =>
      (await rawRequest(app, ['GET /metrics HTTP/1.1', `Host: ${host}`])).status;
    expect(await statusOf('AUTH.example.com.')).to.equal(200);
    expect(await statusOf('127.0.0.1:3000')).to.equal(200);
    expect(await statusOf('auth.example.com.evil.example')).to.equal(404);
  });
});
