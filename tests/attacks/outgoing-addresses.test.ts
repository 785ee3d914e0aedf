/** Nobody who names an address leads this server inwards: what may not be called is not even connected to (SSRF). */
import { expect } from 'chai';
import type { Outgoing } from '../../src/kernel/outgoing.ts';
import { createUpstreamFetch } from '../../src/plugins/federation/upstream-fetch.ts';
import { type Listener, listenOnAll } from '../support/listeners.ts';
import { createRecordingLog } from '../support/log.ts';
import { outgoingOf } from '../support/outgoing.ts';

const PUBLIC = 'https://auth.example.com';

/** As the issue lists them. */
const SPELLINGS = [
  ...['127.0.0.1', '127.1', '2130706433', '0x7f.1', '0177.0.0.1', '0.0.0.0', 'localhost'],
  ...['localhost.', 'LOCALHOST', 'rp.localhost', '127.0.0.1.', '0', '0x0'],
  ...['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[64:ff9b::7f00:1]', '10.0.0.1'],
];

/** Those that no setting opens. */
const NEVER = [
  ...['169.254.169.254', '169.254.0.1', '100.100.100.200', '168.63.129.16', '192.0.0.192'],
  ...['fe80::1', 'febf::1', 'fd00:ec2::254', 'fd20:ce::254', '::ffff:169.254.169.254'],
  ...['64:ff9b::a9fe:a9fe', '64:ff9b:1::a9fe:a9fe', '2002:a9fe:a9fe::1', '::a9fe:a9fe'],
  '2001:0:102:304::5601:5601',
];

const INNER = [
  ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '10.0.0.1', '172.16.0.1'],
  ...['172.31.255.255', '192.168.0.1', '100.64.0.1', '100.127.255.255', '192.0.0.1', '192.0.2.1'],
  ...['192.88.99.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '239.255.255.250'],
  ...[
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:10.0.0.1',
    '::7f00:1',
    '::ffff:0:7f00:1',
  ],
  ...['64:ff9b::7f00:1', '64:ff9b::a00:1', '64:ff9b:1::1', '2002:a00:1::1', '2001::1', '100::1'],
  ...[
    'fc00::1',
    'fd12:3456::1',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    '3fff::1',
    '5f00::1',
    '4000::1',
  ],
  ...['1::1', 'e000::1'],
];

const OUTER = [
  '198.41.0.4',
  '8.8.8.8',
  '172.15.255.255',
  '172.32.0.1',
  '100.128.0.1',
  '2606::1',
  '2a00:1450::1',
];

describe('addresses that are called', () => {
  let listener: Listener;
  let asked: string[];

  before(async () => {
    listener = await listenOnAll();
  });
  beforeEach(() => {
    asked = [];
    listener.connections = 0;
  });
  after(() => listener.close());

  /** Names lead to these addresses. */
  const leadingTo = (...answers: (readonly string[])[]) => ({
    resolve: async (host: string) => {
      asked.push(host);
      return answers[asked.length - 1] ?? [];
    },
  });

  const faultOf = async ({ fetch }: Outgoing, url: string): Promise<string> => {
    try {
      await fetch(url);
      return 'none';
    } catch (error) {
      expect(error).to.be.instanceOf(TypeError).with.property('message', 'fetch failed');
      return String(((error as Error).cause as Error).message);
    }
  };

  it('SEC-66 every spelling of an inner address is refused before a connection', async () => {
    const outgoing = outgoingOf(PUBLIC);
    for (const host of SPELLINGS) {
      for (const scheme of ['https', 'http']) {
        const url = `${scheme}://${host}:${listener.port}/`;
        expect(await faultOf(outgoing, url), url).to.match(/leads to a private|with https/);
        expect(outgoing.faultOf(new URL(url)), url).to.be.a('string');
      }
    }
    expect(listener.connections).to.equal(0);
  });

  it('SEC-66 so are names that lead to one, alone or beside a public address', async () => {
    for (const address of [...INNER, ...NEVER]) {
      for (const answers of [[address], ['198.41.0.4', address], [address, '198.41.0.4']]) {
        asked = [];
        const outgoing = outgoingOf(PUBLIC, leadingTo(answers));
        const fault = await faultOf(outgoing, `https://rp.example:${listener.port}/`);
        expect(fault, answers.join()).to.match(/^rp\.example leads to a (private|link-local)/);
        expect(asked, 'resolved once').to.deep.equal(['rp.example']);
      }
    }
    expect(listener.connections).to.equal(0);
  });

  it('SEC-66 what is no address of a name is none to call', async () => {
    for (const answer of [[], ['127.1'], ['localhost'], [''], ['0x7f000001'], ['fe80::1%lo']]) {
      const outgoing = outgoingOf(PUBLIC, leadingTo(answer));
      expect(await faultOf(outgoing, `https://rp.example:${listener.port}/`)).not.to.equal('none');
    }
    expect(listener.connections).to.equal(0);
  });

  it('SEC-66 addresses of the internet are not refused', async () => {
    for (const address of OUTER) {
      asked = [];
      const outgoing = outgoingOf(PUBLIC, leadingTo([address]));
      expect(await outgoing.examine(new URL('https://rp.example/')), address).to.equal(undefined);
    }
  });

  it('SEC-66 OUTGOING_PRIVATE opens what it names, and nothing else', async () => {
    const named = ['10.1.0.0/16', 'fd12::/16', '192.168.7.7', 'inner.example', '64:ff9b::/96'];
    const judge = (host: string, address: string) =>
      outgoingOf(PUBLIC, { named, ...leadingTo([address]) }).examine(new URL(`https://${host}/`));
    const opened = [
      ['rp.example', '10.1.2.3'],
      ['rp.example', '::ffff:10.1.2.3'],
      ['rp.example', 'fd12::7'],
      ['rp.example', '192.168.7.7'],
      ['inner.example', '172.16.0.1'],
      ['INNER.example.', '127.0.0.1'],
      ['rp.example', '64:ff9b::808:808'],
    ] as const;
    for (const [host, address] of opened) {
      asked = [];
      expect(await judge(host, address), `${host} ${address}`).to.equal(undefined);
    }
    const closed = [
      ['rp.example', '10.2.0.1'],
      ['rp.example', 'fd13::7'],
      ['rp.example', '192.168.7.8'],
      ['rp.example', '172.16.0.1'],
      ['x.inner.example', '172.16.0.1'],
      // What it is a way to is not named.
      ['rp.example', '64:ff9b::7f00:1'],
    ] as const;
    for (const [host, address] of closed) {
      asked = [];
      expect(await judge(host, address), `${host} ${address}`).to.include('OUTGOING_PRIVATE');
    }
  });

  it('SEC-66 link-local and metadata addresses stay closed whatever it names', async () => {
    const named = [
      '0.0.0.0/0',
      '::/0',
      '169.254.169.254',
      'fe80::/10',
      'fd00:ec2::254',
      'rp.example',
    ];
    for (const address of NEVER) {
      asked = [];
      const outgoing = outgoingOf(PUBLIC, { named, ...leadingTo([address]) });
      const fault = await faultOf(outgoing, `https://rp.example:${listener.port}/`);
      expect(fault, address).to.include('never called');
    }
    expect(listener.connections).to.equal(0);
  });

  it('SEC-66 a server on http, and so on this machine, may call this machine and no other', async () => {
    const outgoing = outgoingOf('http://localhost:3000');
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '127.9.9.9']) {
      expect(outgoing.faultOf(new URL(`http://${host}/`)), host).to.equal(undefined);
      expect(await outgoing.examine(new URL(`https://${host}/`)), host).to.equal(undefined);
    }
    for (const url of [
      'https://10.0.0.1/',
      'https://0.0.0.0/',
      'http://rp.example/',
      'ftp://[::1]/',
    ]) {
      expect(outgoing.faultOf(new URL(url)), url).to.be.a('string');
    }
    const rebound = outgoingOf('http://localhost:3000', leadingTo(['10.0.0.1']));
    expect(await faultOf(rebound, 'http://localhost:3000/')).to.include('OUTGOING_PRIVATE');
  });

  it('SEC-66 so it may by a name that leads to ::1, alone or beside 127.0.0.1', async () => {
    for (const answers of [['::1'], ['127.0.0.1', '::1'], ['::1', '127.0.0.1']]) {
      for (const host of ['localhost', 'rp.localhost', 'rp.example']) {
        asked = [];
        const outgoing = outgoingOf('http://localhost:3000', leadingTo(answers));
        expect(await outgoing.examine(new URL(`https://${host}/`)), host).to.equal(undefined);
        asked = [];
        const named = outgoingOf(PUBLIC, { named: ['127.0.0.1', '::1'], ...leadingTo(answers) });
        expect(await named.examine(new URL(`https://${host}/`)), host).to.equal(undefined);
        asked = [];
        const closed = outgoingOf(PUBLIC, { named: ['::'], ...leadingTo(answers) });
        expect(await closed.examine(new URL(`https://${host}/`)), host).to.be.a('string');
      }
    }
  });

  it('SEC-66 only the caller to whom a host is named may reach it', async () => {
    const options = leadingTo(['127.0.0.1'], ['127.0.0.1'], ['169.254.169.254']);
    const outgoing = outgoingOf(PUBLIC, { ...options, timeout: 100 });
    const url = `https://issuer.example:${listener.port}/`;
    expect(await faultOf(outgoing, url)).to.include('OUTGOING_PRIVATE');
    expect(listener.connections).to.equal(0);
    const allowed = outgoing.allowing(() => [new URL('https://issuer.example/realm')]);
    const failure = await allowed(url).catch((error: Error) => error);
    // It is connected to, and says nothing.
    expect(failure).to.have.property('name', 'TimeoutError');
    expect(listener.connections).to.equal(1);
    expect(await faultOf({ ...outgoing, fetch: allowed }, url)).to.include('never called');
    expect(listener.connections).to.equal(1);
  });

  it('SEC-66 an issuer that is no URL, of a directory that a plugin asks, keeps no other provider from being called', async () => {
    const outgoing = outgoingOf(PUBLIC, leadingTo(['10.0.0.1']));
    const fetch = createUpstreamFetch(outgoing, () => ['corp-directory', '', 'urn:ldap:corp']);
    expect(await faultOf({ ...outgoing, fetch }, 'https://rp.example/')).to.include(
      'OUTGOING_PRIVATE',
    );
    expect(await faultOf({ ...outgoing, fetch }, 'https://./'), 'no host').not.to.equal('none');
  });

  it('SEC-94 the log says host and reason, and nothing of the request', async () => {
    const log = createRecordingLog();
    const outcomes: string[] = [];
    const outgoing = outgoingOf(PUBLIC, { log, count: (one) => outcomes.push(one) });
    const url = `https://127.0.0.1:${listener.port}/a-secret-path?token=secret`;
    await outgoing.fetch(url, { method: 'POST', body: 'secret' }).catch(() => undefined);
    expect(log.entries.map(({ fields }) => fields)).to.deep.equal([
      {
        event: 'outgoing.refused',
        host: '127.0.0.1',
        reason: 'address',
        detail:
          '127.0.0.1 leads to a private, loopback or reserved address that OUTGOING_PRIVATE does not name',
      },
    ]);
    expect(outcomes).to.deep.equal(['address']);
  });
});
