/** Against a real nginx with TLS, in front of a real node. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
} from 'node:tls';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createCall } from '../../src/doctor/call.ts';
import {
  type Certificate,
  judgeCertificate,
  readCertificate,
} from '../../src/doctor/certificate.ts';
import { diagnoseCookies } from '../../src/doctor/cookies.ts';
import { diagnoseHeaderRoom } from '../../src/doctor/header-room.ts';
import { diagnosePublicUrl, type PublicUrlParts } from '../../src/doctor/public-url.ts';
import { cookieTable } from '../../src/http/cookies.ts';
import { systemClock } from '../../src/system.ts';
import { INSTALL_TIME } from '../support/chromium.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { freePort } from '../support/free-port.ts';
import { findNginx, type Nginx, prepareNginx } from '../support/nginx.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';
import { SECRET_KEY, type ServerProcess, startServerProcess } from '../support/server-process.ts';

const DAY = 86_400_000;

/** `fetch` whose answers somebody changes on the way. */
const altered =
  (change: (headers: Headers) => void): typeof fetch =>
  async (...args) => {
    const answer = await fetch(...args);
    const headers = new Headers(answer.headers);
    change(headers);
    return new Response(answer.body, { status: answer.status, headers });
  };

const run = promisify(execFile);

/** Of a day that has passed. */
async function expiredCertificate(): Promise<{ key: string; cert: string }> {
  const folder = await makeScratchFolder('expired-');
  const [key, request, cert] = ['key', 'request', 'cert'].map((name) => path.join(folder, name));
  const files = { key: String(key), request: String(request), cert: String(cert) };
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    'req',
    '-new',
    ...curve,
    '-keyout',
    files.key,
    '-out',
    files.request,
    ...names,
  ]);
  const sign = ['-signkey', files.key, '-days', '-1', '-copy_extensions', 'copy'];
  await run('openssl', ['x509', '-req', '-in', files.request, ...sign, '-out', files.cert]);
  const made = { key: await readFile(files.key, 'utf8'), cert: await readFile(files.cert, 'utf8') };
  await rm(folder, { recursive: true });
  return made;
}

describe('authsrv doctor: PUBLIC_URL behind nginx', function () {
  this.timeout(INSTALL_TIME);
  let database: TestDatabase;
  let node: ServerProcess;
  let nginx: Nginx;
  let origin: string;
  const trusted = getCACertificates('default');

  before(async function () {
    const program = await findNginx();
    if (program === undefined) return this.skip();
    const prepared = await prepareNginx(program);
    ({ origin } = prepared);
    database = await createTestDatabase();
    node = await startServerProcess({
      issuer: origin,
      databaseUrl: database.url,
      settings: { TRUST_PROXY: '127.0.0.1', SECRET_KEY },
    });
    nginx = await prepared.start([Number(new URL(node.socket).port)]);
    setDefaultCACertificates([...trusted, nginx.ca]);
  });
  after(async () => {
    setDefaultCACertificates([...trusted]);
    await nginx?.stop();
    await node?.stop();
    await database?.drop();
  });

  const examine = (changed: Partial<PublicUrlParts> = {}) =>
    diagnosePublicUrl({
      issuer: origin,
      socket: node.socket,
      call: createCall(fetch),
      readCertificate,
      clock: systemClock,
      ...changed,
    }).check();

  const problems = async (changed: Partial<PublicUrlParts>) => {
    const findings = await examine(changed);
    return findings.map(({ severity, problem }) => `${severity}: ${problem}`);
  };

  /** While something else answers at an address of its own. */
  async function answeredBy(listener: RequestListener): Promise<string[]> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      return (await problems({ issuer })).map((problem) => problem.replaceAll(issuer, 'ISSUER'));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  const cookies = (fetchAltered = fetch) => {
    const { session, access, refresh } = cookieTable(new URL(origin));
    return diagnoseCookies({
      issuer: origin,
      expected: [session, access, refresh],
      call: createCall(fetchAltered),
    }).check();
  };

  it('finds nothing wrong where nothing is', async () => {
    expect(await examine()).to.deep.equal([]);
    expect(await cookies()).to.deep.equal([]);
  });

  it('B-03 a proxy without room for the largest answers and URLs, such as nginx as it comes', async () => {
    const room = (issuer: string) =>
      diagnoseHeaderRoom({ issuer, call: createCall(fetch) }).check();
    expect(await room(origin)).to.deep.equal([]);
    const prepared = await prepareNginx((await findNginx()) ?? '');
    const other = await prepared.start([Number(new URL(node.socket).port)], (template) =>
      template.replaceAll(/^ *(?:proxy_buffer|proxy_busy_buffers|large_client).*$/gm, ''),
    );
    setDefaultCACertificates([...trusted, other.ca]);
    const found = await room(other.origin);
    setDefaultCACertificates([...trusted, nginx.ca]);
    await other.stop();
    expect(
      found.map(({ severity, problem }) => `${severity}: ${problem.slice(0, 70)}`),
    ).to.deep.equal([
      'broken: The proxy does not let 6500 bytes of header fields through (503): peop',
      'warning: The proxy refuses a URL of 14500 bytes (414): people with many roles c',
    ]);
    const nowhere = await room('https://nowhere.invalid').catch((error: Error) => error.name);
    expect(nowhere).to.equal('NotExamined');
  });

  it('a certificate of an authority that this machine does not know', async () => {
    setDefaultCACertificates([...trusted]);
    const [finding, ...others] = await examine();
    setDefaultCACertificates([...trusted, nginx.ca]);
    expect(others).to.deep.equal([]);
    expect(finding?.severity).to.equal('broken');
    expect(finding?.problem).to.match(/is not accepted: (UNABLE_TO_|SELF_SIGNED_)/);
  });

  it('a certificate for another name', async () => {
    const issuer = origin.replace('localhost', '127.0.0.2');
    expect(await problems({ issuer })).to.deep.equal([
      'broken: The certificate of PUBLIC_URL is not accepted: ERR_TLS_CERT_ALTNAME_INVALID.',
    ]);
  });

  it('a certificate that ends soon', async () => {
    const { validTo } = await readCertificate(new URL(origin));
    const later = (days: number) => ({ clock: { now: () => validTo - days * DAY } });
    expect(await problems(later(15))).to.deep.equal([]);
    expect(await problems(later(13))).to.deep.equal([
      'warning: The certificate of PUBLIC_URL expires in 13 days.',
    ]);
  });

  it('a certificate that has ended', async () => {
    const { key, cert } = await expiredCertificate();
    setDefaultCACertificates([...trusted, cert]);
    const server = createTlsServer({ key, cert }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const found = await problems({ issuer: `https://localhost:${port}` });
    server.close();
    setDefaultCACertificates([...trusted, nginx.ca]);
    expect(found).to.deep.equal([
      'broken: The certificate of PUBLIC_URL is not accepted: CERT_HAS_EXPIRED.',
    ]);
  });

  it('and for each of them there is a way back', () => {
    const fix = (rejected: string) => {
      const certificate: Certificate = { rejected, validTo: 0 };
      return judgeCertificate(certificate, 0)[0]?.fix;
    };
    expect(fix('CERT_HAS_EXPIRED')).to.contain('Renew it');
    expect(fix('UNABLE_TO_VERIFY_LEAF_SIGNATURE')).to.contain('whole chain');
    expect(fix('SELF_SIGNED_CERT_IN_CHAIN')).to.contain('NODE_EXTRA_CA_CERTS');
  });

  it('a name that leads nowhere', async () => {
    const [finding] = await examine({ issuer: 'https://nowhere.invalid' });
    expect(finding?.severity).to.equal('broken');
    expect(finding?.fix).to.contain('DNS');
  });

  it('an address where nobody listens, while the server runs', async () => {
    const issuer = `https://localhost:${await freePort()}`;
    expect(await problems({ issuer })).to.deep.equal([
      `broken: ${issuer} cannot be reached from this machine: ECONNREFUSED.`,
    ]);
  });

  it('http where https is meant to be', async () => {
    const [problem] = await problems({ issuer: nginx.plainOrigin });
    expect(problem).to.equal(
      `broken: ${nginx.plainOrigin} redirects to ${origin}/health/live, and clients follow no redirects.`,
    );
  });

  it('a server with another PUBLIC_URL', async () => {
    const { socket } = node;
    expect(await problems({ issuer: socket })).to.deep.equal([
      `broken: The server behind PUBLIC_URL calls itself ${origin}, and here PUBLIC_URL is ${socket}.`,
    ]);
  });

  it('something that is no server of ours', async () => {
    expect(await answeredBy((_request, response) => response.end('<p>Welcome!</p>'))).to.deep.equal(
      ['broken: ISSUER/health/live answers 200, but not as this server does.'],
    );
  });

  it('a proxy that does not pass every path on', async () => {
    const onlyHealth: RequestListener = ({ url }, response) => {
      response.statusCode = url === '/health/live' ? 200 : 404;
      response.end('{"status":"ok"}');
    };
    expect(await answeredBy(onlyHealth)).to.deep.equal([
      'broken: ISSUER/.well-known/openid-configuration answers 404, not metadata.',
    ]);
  });

  it('a proxy that sends no request id where one is required', async () => {
    const settings = { REQUEST_ID_POLICY: 'require' };
    const strict = await startServerProcess({ databaseUrl: database.url, settings });
    const [finding] = await examine({ issuer: strict.issuer });
    await strict.stop();
    expect(finding?.fix).to.contain('X-Request-Id');
  });

  it('B-13 a proxy that takes headers away, or changes cookies', async () => {
    const call = createCall(altered((headers) => headers.delete('strict-transport-security')));
    expect(await problems({ call })).to.deep.equal([
      'warning: The proxy takes Strict-Transport-Security away.',
    ]);
    for (const [value, expected] of Object.entries({
      'max-age=0': ['warning: The proxy takes Strict-Transport-Security away.'],
      'max-age="031536000"; includeSubDomains; preload': [],
      // As earlier versions sent it, and as an operator may say for a whole domain.
      'max-age=63072000; includeSubDomains': [],
    })) {
      const replaced = altered((headers) => headers.set('strict-transport-security', value));
      expect(await problems({ call: createCall(replaced) }), value).to.deep.equal(expected);
    }
    const lost = await cookies(altered((headers) => headers.delete('set-cookie')));
    expect(lost.map(({ problem }) => problem)).to.deep.equal([
      'The cookie __Host-session does not reach the browser.',
      'The cookie __Host-access does not reach the browser.',
      'The cookie __Secure-refresh does not reach the browser.',
    ]);
    const weakened = altered((headers) => {
      const kept = headers.getSetCookie().map((cookie) => cookie.replace('; secure', ''));
      headers.delete('set-cookie');
      for (const cookie of kept) headers.append('set-cookie', cookie);
    });
    expect((await cookies(weakened))[0]?.problem).to.equal(
      'The cookie __Host-session reaches the browser without secure.',
    );
  });

  it('a proxy that reaches no node', async () => {
    await node.stop();
    expect(await problems({})).to.deep.equal([`broken: ${origin}/health/live answers 503.`]);
  });
});
