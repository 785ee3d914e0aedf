/** Whose bucket a call is counted in: no header that a client sends, and no spelling of its address, gives it another. */
import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import type { Answer } from '../support/browser.ts';
import { anyAddress, countOf, probe, startLimitedApp } from '../support/limited-app.ts';
import { readMetrics } from '../support/metrics.ts';
import type { TestApp } from '../support/test-app.ts';
import { rawRequest } from './raw-request.ts';

const CAPACITY = 8;
const SETTINGS = { RATE_LIMIT_SIGN_IN: `${CAPACITY}/0.001` };

type Headers = Readonly<Record<string, string>>;

const remaining = ({ headers }: Answer): number =>
  Number(/^"sign-in";r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]);

/** In which proxies and networks name a client too. */
const OTHERS = [
  ...['x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip', 'cf-connecting-ipv6'],
  ...['fastly-client-ip', 'fly-client-ip', 'x-azure-clientip', 'x-cluster-client-ip'],
  ...['x-envoy-external-address', 'x-original-forwarded-for', 'x-appengine-user-ip', 'client-ip'],
];

/** Counted in one bucket: so many are admitted, and the rest refused. */
async function expectOneBucket(app: TestApp, all: readonly Headers[]): Promise<void> {
  const answers: Answer[] = [];
  for (const headers of all) answers.push(await probe(app, headers));
  expect(countOf(answers, 400)).to.equal(CAPACITY);
  expect(countOf(answers, 429)).to.equal(all.length - CAPACITY);
}

/** A header of each kind that claims another address every time. */
const claims = (ip: string): readonly Headers[] => [
  { 'x-forwarded-for': ip },
  { 'x-real-ip': ip },
  { forwarded: `for=${ip};proto=https` },
  { 'x-client-ip': ip, 'cf-connecting-ip': ip, 'true-client-ip': ip },
  { 'x-forwarded-for': `${ip}, ${anyAddress()}`, forwarded: `for="[2001:db8::1]"` },
  { 'x-forwarded-for': 'a' },
  { 'x-forwarded-for': `${ip}:1234` },
  { 'x-forwarded-for': '' },
];

describe('client addresses', function () {
  this.timeout(60_000);
  let app: TestApp;

  describe('from a peer that is no proxy of ours', () => {
    beforeEach(async () => {
      app = await startLimitedApp({ settings: { ...SETTINGS, TRUST_PROXY: '' } });
    });
    afterEach(() => app.close());

    it('SEC-87 CVE-2024-47070: X-Forwarded-For, X-Real-IP, Forwarded and unparsable ones change nothing', async () => {
      const all = Array.from({ length: 3 }, () => claims(anyAddress())).flat();
      await expectOneBucket(app, all);
    });
  });

  describe('behind a trusted proxy', () => {
    before(async () => {
      app = await startLimitedApp({ settings: SETTINGS });
    });
    after(() => app.close());

    it('SEC-87: counts the right-most untrusted hop; what the client put before it changes nothing', async () => {
      const ip = anyAddress();
      const spoofed = Array.from({ length: 20 }, () => ({
        'x-forwarded-for': `${anyAddress()}, 10.0.0.1,a, ${ip}`,
        'x-real-ip': anyAddress(),
        forwarded: `for=${anyAddress()}`,
      }));
      await expectOneBucket(app, spoofed);
    });

    it('SEC-87 CVE-2024-47070: an unparsable header counts for the proxy itself, never for nobody', async () => {
      const texts = [
        'a',
        '',
        ',',
        '::1::',
        '1.2.3',
        '999.1.1.1',
        'localhost',
        '0x7f.1x',
        ...['unknown', '_hidden', '_x:80', '"', '[1.1.1.1]', '[::1', '1.1.1.1:', '1.1.1.1:http'],
        ...['1.1.1.1:80:80', '[2001:db8::1]:', '[2001:db8::1]x', 'for=1.1.1.1', '1.1.1.1/8'],
      ];
      const all = [...texts, ...texts].map((text) => ({ 'x-forwarded-for': text }));
      await expectOneBucket(app, all);
    });

    it('B-11 SEC-87 people behind a proxy that sends ports and brackets are counted apart, each once in any spelling', async () => {
      const v4 = anyAddress();
      const v6 = `2001:db8:${randomInt(65_536).toString(16)}:1`;
      for (const spellings of [
        [
          `${v4}:4000`,
          `${v4}:65535`,
          v4,
          ` ${v4}\t`,
          `"${v4}:80"`,
          `[::ffff:${v4}]:1`,
          `, ${v4}:1, `,
        ],
        [`[${v6}::1]`, `[${v6}::1]:443`, `${v6}::1`, `"[${v6}::1]:443"`, `[${v6}::1%eth0]:443`],
        [`::ffff:${anyAddress()}`],
        [`${anyAddress()}:80, 127.0.0.1:4000`],
      ]) {
        for (const [index, text] of spellings.entries()) {
          const answer = await probe(app, { 'x-forwarded-for': text });
          expect(remaining(answer), text).to.equal(CAPACITY - 1 - index);
        }
      }
    });

    it('B-11 SEC-87 no other header says who calls: not those of CDNs, nor RFC 7239', async () => {
      const ip = anyAddress();
      const all = Array.from({ length: CAPACITY + 4 }, () => {
        const other = `${anyAddress()}:80`;
        return {
          'x-forwarded-for': `${ip}:${randomInt(65_536)}`,
          ...Object.fromEntries(OTHERS.map((name) => [name, other])),
          forwarded: `for="${other}";host=evil.example;proto=http`,
          via: `1.1 ${other}`,
          'x-forwarded-host': 'evil.example',
          'x-forwarded-proto': 'http',
          'x-forwarded-port': '1',
          'x-forwarded-prefix': '/evil',
        };
      });
      await expectOneBucket(app, all);
    });

    it('B-11 an address that we do not understand is counted where doctor looks, once for a proxy', async () => {
      for (const hop of ['unknown', '_hidden', 'unknown'])
        await probe(app, { 'x-forwarded-for': hop });
      expect(await readMetrics(app)).to.match(
        /^auth_events_total\{event="proxy.not_understood"\} 1$/m,
      );
    });

    it('B-11 PROXY protocol is not spoken: what begins with it is refused, whatever address it claims', async () => {
      const request = ['POST /auth/login HTTP/1.1', 'Host: localhost', 'Content-Length: 2'];
      const one = 'PROXY TCP4 198.18.0.1 127.0.0.1 4000 443';
      expect((await rawRequest(app, [one, ...request], '{}')).status).to.equal(400);
      const two = '\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c\xc6\x12\0\x01\x7f\0\0\x01\x0f\xa0\x01\xbb';
      const [first = '', ...rest] = request;
      expect((await rawRequest(app, [`${two}${first}`, ...rest], '{}')).status).to.equal(400);
    });

    it('tells two clients of one proxy apart', async () => {
      const [one, other] = [anyAddress(), anyAddress()];
      expect(remaining(await probe(app, { 'x-forwarded-for': one }))).to.equal(CAPACITY - 1);
      expect(remaining(await probe(app, { 'x-forwarded-for': other }))).to.equal(CAPACITY - 1);
      expect(remaining(await probe(app, { 'x-forwarded-for': one }))).to.equal(CAPACITY - 2);
    });

    it('SEC-88 CVE-2026-45364: 1000 addresses of one /64 are one client, the next /64 is another', async () => {
      const group = (index: number) => ((index * 2654435761) % 65536).toString(16);
      const all = Array.from({ length: 1000 }, (_, index) => ({
        'x-forwarded-for': `2001:db8:1:2:${group(index)}:${group(index + 7)}:0:${group(index + 13)}`,
      }));
      await expectOneBucket(app, all);
      const next = await probe(app, { 'x-forwarded-for': '2001:db8:1:3::1' });
      expect(remaining(next)).to.equal(CAPACITY - 1);
    });

    for (const spellings of [
      [
        '2001:db8:a:b::c',
        '2001:0db8:000a:000b:0000:0000:0000:000c',
        '2001:DB8:A:B::C',
        '2001:db8:a:b:0:0:0:c',
        '2001:db8:a:b::0.0.0.12',
      ],
      [
        '198.18.1.2',
        '::ffff:198.18.1.2',
        '::FFFF:c612:102',
        '0:0:0:0:0:ffff:c612:0102',
        '::ffff:c612:0102',
      ],
    ]) {
      it(`SEC-88 CVE-2026-45364: ${spellings.length} spellings of ${spellings[0]} are one client`, async () => {
        const all = [...spellings, ...spellings, ...spellings];
        await expectOneBucket(
          app,
          all.map((ip) => ({ 'x-forwarded-for': ip })),
        );
      });
    }
  });
});
