/** This server calls no address that a client should not have named (Logto CVE-2026-56739, SEC-66). */
import { expect } from 'chai';
import { Clients } from '../../src/plugins/clients/contract.ts';
import { type Listener, listenOnAll, listenWith } from '../support/listeners.ts';
import { createRecordingLog } from '../support/log.ts';
import { metricsUrl } from '../support/metrics.ts';
import { createUser, login } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { rpCertificate as certificate } from '../support/rp-certificate.ts';
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
  let victim: Listener;
  const log = createRecordingLog();

  before(async () => {
    app = await startTestApp({
      origin: ORIGIN,
      log,
      outgoing: { resolve: async (host) => (host === 'rebind.example' ? ['127.0.0.1'] : []) },
    });
    victim = await listenOnAll();
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

  it('SEC-66 Logto CVE-2026-56739 Keycloak CVE-2020-10770: an inner address is not even connected to when it came into the database', async () => {
    const inner = [
      ...['127.0.0.1', '127.1', '2130706433', '0x7f.1', '0177.0.0.1', '0.0.0.0', 'localhost'],
      ...[
        'localhost.',
        '[::1]',
        '[::]',
        '[::ffff:127.0.0.1]',
        '[64:ff9b::7f00:1]',
        'rebind.example',
      ],
    ].flatMap((host) => [`https://${host}`, `http://${host}`]);
    const browser = app.browser();
    await login(browser, await createUser(app));
    for (const origin of inner) {
      const rp = await createRelyingParty(app, {
        backchannel_logout_uri: 'https://rp.example.com/logout',
      });
      await app.database.database.orm.query(
        `UPDATE clients SET metadata = jsonb_set(metadata, '{backchannel_logout_uri}', :uri)
         WHERE id = :id`,
        {
          replacements: {
            uri: JSON.stringify(`${origin}:${victim.port}/logout`),
            id: rp.client.client_id,
          },
        },
      );
      codeOf(await rp.authorize(browser));
    }
    const signedOut = await browser.request('/auth/logout', { method: 'POST' });
    expect(signedOut.status).to.equal(204);
    await app.app.idle();
    expect(victim.connections).to.equal(0);
    const named = (event: string) =>
      log.entries.filter(({ fields }) => 'event' in fields && fields.event === event);
    expect(named('backchannel_logout.failed')).to.have.length(inner.length);
    expect(named('outgoing.refused')).to.have.length(inner.length);
    expect(JSON.stringify(named('outgoing.refused'))).not.to.include('/logout');
    const { text } = await app.browser().request(metricsUrl(app));
    expect(text).to.match(/^auth_outgoing_total\{outcome="address"\} [1-9]/m);
  });

  it('SEC-66 a name that OUTGOING_PRIVATE names is called, at its inner address, over TLS', async () => {
    const received: string[] = [];
    const receiver = await listenWith(
      (req, res) => {
        received.push(`${req.method} ${req.url}`);
        res.end();
      },
      { certificate },
    );
    const node = await startTestApp({
      origin: ORIGIN,
      settings: { OUTGOING_PRIVATE: 'rp.inner.example' },
      outgoing: { resolve: async () => ['127.0.0.1'], ca: certificate.cert },
    });
    try {
      const uri = `https://rp.inner.example:${receiver.port}/logout`;
      const rp = await createRelyingParty(node, { backchannel_logout_uri: uri });
      const browser = node.browser();
      await login(browser, await createUser(node));
      codeOf(await rp.authorize(browser));
      await browser.request('/auth/logout', { method: 'POST' });
      await node.app.idle();
      expect(received).to.deep.equal(['POST /logout']);
    } finally {
      receiver.close();
      await node.close();
    }
  });
});
