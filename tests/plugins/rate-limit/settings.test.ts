import { expect } from 'chai';
import { clientNetwork } from '../../../src/plugins/rate-limit/client-network.ts';
import { headerFields } from '../../../src/plugins/rate-limit/rate.ts';
import { parseRate, settings } from '../../../src/plugins/rate-limit/settings.ts';

describe('rate-limit: rates', () => {
  it('are read from capacity/refill', () => {
    expect(parseRate('60/0.5')).to.deep.equal({ capacity: 60, refillPerSecond: 0.5 });
    expect(parseRate('1000000/1000000').capacity).to.equal(1_000_000);
  });

  for (const text of ['', '60', '60/', '/1', '0/1', '1/0', '1/0.0', '-1/1', '1/-1', '1e3/1']) {
    it(`refuse ${JSON.stringify(text)}`, () => {
      expect(() => parseRate(text)).to.throw(RangeError);
      const { success, error } = settings.safeParse({ RATE_LIMIT_READ: text });
      expect(success).to.equal(false);
      expect(error?.issues[0]?.message).to.include('capacity/refill-per-second');
    });
  }

  for (const text of ['1000001/1', '1/1000001', '1/1/1', ' 1/1', '1/1 ', '1/NaN', 'Infinity/1']) {
    it(`refuse ${JSON.stringify(text)} as well`, () => {
      expect(() => parseRate(text)).to.throw(RangeError);
    });
  }

  it('all have a default that they accept', () => {
    const { success, data } = settings.safeParse({});
    expect(success).to.equal(true);
    for (const [name, value] of Object.entries(data ?? {})) {
      if (name !== 'RATE_LIMIT') expect(() => parseRate(value), name).not.to.throw();
    }
  });

  it('are told in whole seconds, never too short', () => {
    const policy = { name: 'read', capacity: 10, refillPerSecond: 3 };
    const answer = { allowed: true, remaining: 8, retryAfter: 0 };
    expect(headerFields(policy, answer)).to.deep.equal({
      'RateLimit-Policy': '"read";q=10;w=4',
      RateLimit: '"read";r=8;t=1',
    });
  });
});

describe('rate-limit: whom an address stands for (SEC-88)', () => {
  const NETWORKS: Readonly<Record<string, string>> = {
    '192.0.2.1': '192.0.2.1',
    '::ffff:192.0.2.1': '192.0.2.1',
    '::ffff:c000:201': '192.0.2.1',
    '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
    '2001:DB8:1:2::': '2001:db8:1:2::/64',
    '::1': '0:0:0:0::/64',
    'no address': 'no address',
  };
  for (const [ip, network] of Object.entries(NETWORKS)) {
    it(`${ip} for ${network}`, () => expect(clientNetwork(ip)).to.equal(network));
  }
});
