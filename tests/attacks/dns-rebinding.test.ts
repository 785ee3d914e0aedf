/** A page elsewhere points its own name at this machine: what is for this machine alone is not for it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect } from 'chai';
import { statusUnder } from '../../src/doctor/call.ts';
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
  });

  // A proxy that adds nothing passes on whatever its client says of itself.
  it('C9 D17 a loopback address in a header opens nothing where no proxy of TRUST_PROXY says it', async () => {
    for (const header of [
      ...['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-For: [::1]:4000', 'X-Real-IP: ::1'],
      ...['Client-IP: 127.0.0.1', 'X-Remote-Addr: 127.0.0.1'],
    ]) {
      expectAll(await statuses(['localhost'], '', [header]), 404, header);
      expectAll(await statuses(['localhost'], '', [header, 'Via: 1.1 proxy']), 404, header);
      for (const target of Object.values(targets)) {
        const head = [`GET ${target} HTTP/1.0`, 'Host: 127.0.0.1:3000', header];
        expect((await rawRequest(app, head)).status, header).to.equal(404);
      }
    }
  });

  it('D17 a proxy of TRUST_PROXY passes on what was asked on this machine, by X-Forwarded-For alone', async () => {
    const behind = await startTestApp({ settings: { TRUST_PROXY: '127.0.0.1' } });
    try {
      const statusOf = async (version: string, ...headers: readonly string[]) =>
        (await rawRequest(behind, [`GET /metrics HTTP/${version}`, 'Host: localhost', ...headers]))
          .status;
      const own = ['X-Forwarded-For: 127.0.0.1', 'X-Real-IP: ::1', 'X-Forwarded-Proto: https'];
      expect(await statusOf('1.1', ...own)).to.equal(200);
      expect(await statusOf('1.0', 'X-Forwarded-For: [::1]:4000')).to.equal(200);
      expect(await statusOf('1.1')).to.equal(200);
      expect(await statusOf('1.1', 'X-Real-IP: ::1')).to.equal(404);
      expect(await statusOf('1.0', 'X-Real-IP: ::1')).to.equal(404);
      expect(await statusOf('1.1', 'X-Forwarded-For: 127.0.0.1, 198.18.0.1')).to.equal(404);
      expect(await statusOf('1.1', 'X-Forwarded-For: 198.18.0.1, 127.0.0.1')).to.equal(404);
      expect(await statusOf('1.1', ...own, 'CF-Connecting-IP: 198.18.0.1')).to.equal(404);
    } finally {
      await behind.close();
    }
  });

  it('C9 D17 a proxy is told by any header that one sends, in any network, and by HTTP/1.0', async () => {
    for (const header of [
      ...['X-Forwarded-For: unknown', 'X-Forwarded-For: _hidden', 'X-Forwarded-For: 198.18.0.1:80'],
      ...['X-Forwarded-For: "[2001:db8::1]:443"', 'X-Forwarded-For: 127.0.0.1:80, 198.18.0.1:80'],
      ...['X-Real-IP: ', 'X-Real-IP: 198.18.0.1:80', 'X-Cluster-Client-IP: 198.18.0.1'],
      ...['CF-Connecting-IPv6: 2001:db8::1', 'CF-Pseudo-IPv4: 240.0.0.1', 'CF-Ray: 1-FRA'],
      ...['Fastly-Client-IP: 198.18.0.1', 'Fly-Client-IP: 198.18.0.1', 'Fly-Region: fra'],
      ...['X-Azure-ClientIP: 198.18.0.1', 'X-Azure-SocketIP: 198.18.0.1', 'X-Azure-Ref: a'],
      ...['X-ARR-LOG-ID: a', 'X-Original-URL: /metrics', 'X-Original-Host: localhost'],
      ...['X-Original-Forwarded-For: 198.18.0.1', 'X-Envoy-External-Address: 198.18.0.1'],
      ...['X-Envoy-Expected-Rq-Timeout-Ms: 15000', 'X-Amzn-Trace-Id: Root=1', 'X-Amz-Cf-Id: a'],
      ...['X-AppEngine-User-IP: 198.18.0.1', 'X-Cloud-Trace-Context: a', 'CDN-Loop: cloudflare'],
      ...['X-Forwarded: for=198.18.0.1', 'Forwarded-For: 198.18.0.1', 'Client-IP: 198.18.0.1'],
      ...['X-Remote-Addr: 198.18.0.1', 'X-Remote-IP: 198.18.0.1', 'WL-Proxy-Client-IP: 198.18.0.1'],
      ...['X-Forwarded-Port: 443', 'X-Forwarded-Prefix: /', 'X-Forwarded-Ssl: on'],
      ...['X-Forwarded-Server: proxy', 'X-Forwarded-Scheme: https', 'Front-End-Https: on'],
      ...[
        'X-Scheme: https',
        'X-Real-Port: 4000',
        'Via: 1.0 localhost',
        'CloudFront-Is-Mobile-Viewer: 1',
      ],
    ]) {
      expectAll(await statuses(['localhost'], '', [header]), 404, header);
    }
    // nginx without proxy_http_version and proxy_set_header says nothing else.
    for (const target of Object.values(targets)) {
      const head = [`GET ${target} HTTP/1.0`, 'Host: 127.0.0.1:3000', 'Accept: text/html'];
      expect((await rawRequest(app, head)).status, target).to.equal(404);
    }
  });

  it('C9 what a scraper and a browser on this machine send says nothing of a proxy', async () => {
    const own = [
      ...[
        'User-Agent: Prometheus/3.4',
        'X-Prometheus-Scrape-Timeout-Seconds: 10',
        'Accept-Encoding: gzip',
      ],
      ...[
        'Sec-Fetch-Site: none',
        'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      ],
      ...['X-Request-Id: 0123456789abcdef', 'Priority: u=0', 'Cookie: a=b'],
    ];
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

  it('C9 D17 shows metrics by local name and address; its own name was asked of the proxy that ends TLS', async () => {
    const statusOf = async (host: string, target = '/metrics') =>
      (await rawRequest(app, [`GET ${target} HTTP/1.1`, `Host: ${host}`])).status;
    expect(await statusOf('127.0.0.1:3000')).to.equal(200);
    expect(await statusOf('localhost:3000')).to.equal(200);
    expect(await statusOf('AUTH.example.com.')).to.equal(404);
    expect(await statusOf('auth.example.com')).to.equal(404);
    expect(await statusOf('localhost', 'http://auth.example.com/metrics')).to.equal(404);
    expect(await statusOf('auth.example.com.evil.example')).to.equal(404);
  });

  // What no header tells cannot be told: docs/operations.md says so, and doctor asks this way.
  it('C9 a TCP proxy on this machine that adds nothing passes local names on, and doctor sees it', async () => {
    const { hostname, port } = new URL(app.socket);
    const proxy = createServer((client) => {
      const server = connect(Number(port), hostname);
      client.pipe(server).pipe(client);
      for (const one of [client, server]) one.on('error', () => one.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    try {
      const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/metrics`;
      expect(await statusUnder(url, 'auth.example.com')).to.equal(404);
      expect(await statusUnder(url, 'localhost')).to.equal(200);
    } finally {
      proxy.close();
    }
  });
});
