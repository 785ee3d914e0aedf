/** This server calls no address that a client should not have named (Logto CVE-2026-56739, SEC-66). */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Clients } from '../../src/plugins/clients/contract.ts';
import { createRecordingLog } from '../support/log.ts';
import { createUser, login } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const ORIGIN = 'https://auth.example.com';

const INTERNAL = [
  'https://127.0.0.1/logout',
  'https://127.1/logout',
  'https://0x7f000001/logout',
  'https://2130706433/logout',
  'https://0177.0.0.1/logout',
  'https://localhost/logout',
  'https://rp.localhost/logout',
  'https://[::1]/logout',
  'https://[::]/logout',
  'https://[::ffff:127.0.0.1]/logout',
  'https://[::ffff:7f00:1]/logout',
  'https://0.0.0.0/logout',
  'https://10.1.2.3/logout',
  'https://172.16.0.1/logout',
  'https://192.168.1.1/logout',
  'https://100.64.0.1/logout',
  'https://169.254.169.254/latest/meta-data/',
  'https://[fd00:ec2::254]/latest/meta-data/',
  'https://[fe80::1]/logout',
];
const NO_HTTPS = [
  'http://rp.example.com/logout',
  'ftp://rp.example.com/logout',
  'file:///etc/passwd',
  'gopher://127.0.0.1:6379/_FLUSHALL',
  'javascript:alert(1)',
  'data:text/plain,x',
];
const MALFORMED = [
  '',
  '/logout',
  'rp.example.com/logout',
  'https://rp.example.com/logout#fragment',
  'https://user:pass@rp.example.com/logout',
  'https://rp.example.com@127.0.0.1/logout',
  'https://rp.example.com\\@127.0.0.1/logout',
  'https://rp.example.com/a/../b',
  'https://rp.example.com/lo\r\nHost: evil.example',
  'https://*.example.com/logout',
];

describe('back-channel logout URIs', () => {
  let app: TestApp;
  let victim: Server;
  let hits = 0;
  const log = createRecordingLog();

  before(async () => {
    app = await startTestApp({ origin: ORIGIN, log });
    victim = createServer((_req, res) => {
      hits += 1;
      res.end();
    }).listen(0, '127.0.0.1');
    await once(victim, 'listening');
  });
  after(async () => {
    victim.close();
    await app.close();
  });

  const faultOf = async (backchannel_logout_uri: string): Promise<string> => {
    try {
      await app.app.use(Clients).create({
        client_name: 'App',
        redirect_uris: ['https://rp.example.com/callback'],
        backchannel_logout_uri,
      });
      return 'none';
    } catch (error) {
      const { problem, details } = error as {
        problem: { type: string };
        details: { errors: { pointer: string }[] };
      };
      expect(problem.type).to.equal('urn:problem:clients:invalid-metadata');
      return details.errors[0]?.pointer ?? '';
    }
  };

  for (const uri of [...INTERNAL, ...NO_HTTPS, ...MALFORMED]) {
    it(`Logto CVE-2026-56739: ${JSON.stringify(uri)} cannot be registered`, async () => {
      expect(await faultOf(uri)).to.equal('#/backchannel_logout_uri');
    });
  }

  it('Logto CVE-2026-56739: a public https URI can', async () => {
    expect(await faultOf('https://rp.example.com/logout')).to.equal('none');
  });

  it('Logto CVE-2026-56739 Keycloak CVE-2020-10770: an internal address is not called even when it came into the database', async () => {
    const rp = await createRelyingParty(app, {
      backchannel_logout_uri: 'https://rp.example.com/logout',
    });
    const { port } = victim.address() as AddressInfo;
    await app.database.database.orm.query(
      `UPDATE clients SET metadata = jsonb_set(metadata, '{backchannel_logout_uri}', :uri)
       WHERE id = :id`,
      {
        replacements: {
          uri: JSON.stringify(`http://127.0.0.1:${port}/logout`),
          id: rp.client.client_id,
        },
      },
    );
    const browser = app.browser();
    await login(browser, await createUser(app));
    codeOf(await rp.authorize(browser));
    const signedOut = await browser.request('/auth/logout', { method: 'POST' });
    expect(signedOut.status).to.equal(204);
    await app.app.idle();
    expect(hits).to.equal(0);
    const refused = log.entries.filter(
      ({ fields }) => 'event' in fields && fields.event === 'backchannel_logout.failed',
    );
    expect(refused).to.have.length(1);
  });
});
