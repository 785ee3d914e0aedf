import { expect } from 'chai';
import { parseRedisUrl } from '../../src/storage/redis-url.ts';

describe('Redis URLs', () => {
  it('redis:// is one server, with its user, password and database', () => {
    expect(parseRedisUrl('redis://user:p%40s%2Fs@redis.example:6380/3')).to.deep.equal({
      kind: 'single',
      tls: false,
      hosts: [{ host: 'redis.example', port: 6380 }],
      credentials: { username: 'user', password: 'p@s/s' },
      db: 3,
    });
    expect(parseRedisUrl('redis://[::1]')).to.deep.include({
      hosts: [{ host: '::1', port: 6379 }],
      credentials: {},
      db: 0,
    });
    expect(parseRedisUrl('redis://:secret@redis_1').credentials).to.deep.equal({
      password: 'secret',
    });
  });

  it('redis-sentinel:// lists sentinels and names the master', () => {
    const url =
      'redis-sentinel://user:pass@a,[::1]:1,c:26380/main%20one?db=2&sentinel_password=s%26';
    expect(parseRedisUrl(url)).to.deep.equal({
      kind: 'sentinel',
      tls: false,
      hosts: [
        { host: 'a', port: 26379 },
        { host: '::1', port: 1 },
        { host: 'c', port: 26380 },
      ],
      credentials: { username: 'user', password: 'pass' },
      master: 'main one',
      db: 2,
      sentinel: { password: 's&' },
    });
  });

  it('redis-cluster:// lists nodes', () => {
    expect(parseRedisUrl('redis-cluster://a:7000, b:7001')).to.deep.equal({
      kind: 'cluster',
      tls: false,
      hosts: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 7001 },
      ],
      credentials: {},
    });
  });

  it('rediss is TLS, for each kind', () => {
    for (const url of ['rediss://a', 'rediss-sentinel://a/main', 'rediss-cluster://a']) {
      expect(parseRedisUrl(url).tls, url).to.equal(true);
    }
  });

  const faulty: readonly (readonly [url: string, fault: RegExp])[] = [
    ['http://a', /starts with redis:\/\//],
    ['redis', /starts with redis:\/\//],
    ['', /starts with redis:\/\//],
    ['redis-sentinels://a/main', /starts with redis:\/\//],
    ['redis://a,b', /one host/],
    ['redis://a/x', /by a number/],
    ['redis://a?db=1', /means nothing here: db/],
    ['redis://a?cluster=true', /means nothing here: cluster/],
    ['redis://', /host or host:port/],
    ['redis://a:0', /host or host:port/],
    ['redis://a:65536', /host or host:port/],
    ['redis-cluster://a,', /host or host:port/],
    ['redis-cluster://redis://a,redis://b', /host or host:port/],
    ['redis-cluster://a/0', /no path/],
    ['redis-sentinel://a', /name of the master/],
    ['redis-sentinel://a/', /name of the master/],
    ['redis-sentinel://a/main/0', /name of the master/],
    ['redis-sentinel://a/main?db=x', /by a number/],
    ['redis-sentinel://a/main?quorum=2', /means nothing here: quorum/],
    ['redis://user:100%@a', /write % as %25/],
  ];
  for (const [url, fault] of faulty) {
    it(`refuses "${url}"`, () => {
      expect(() => parseRedisUrl(url)).to.throw(TypeError, fault);
    });
  }

  it('SEC-94 never quotes a password', () => {
    for (const url of ['redis://u:planted@a:x', 'redis://u:planted/@a', 'redis://u:planted%@a']) {
      expect(() => parseRedisUrl(url))
        .to.throw(TypeError)
        .with.property('message')
        .not.include('planted');
    }
  });

  it('B-18 SEC-94 says that a password is not escaped, without a piece of it', () => {
    const torn = [
      'p@ss/planted',
      '12/planted',
      '12?planted',
      '12?planted=x',
      'x#planted',
      '12?db=planted',
    ];
    for (const scheme of ['redis', 'rediss-cluster', 'redis-sentinel']) {
      for (const password of torn) {
        if (scheme === 'redis-sentinel' && password.includes('db=')) continue;
        expect(() => parseRedisUrl(`${scheme}://u:${password}@a/main`), `${scheme} ${password}`)
          .to.throw(TypeError, /unescaped character.*# as %23, \/ as %2F/)
          .with.property('message')
          .not.include('planted');
      }
    }
    expect(parseRedisUrl('redis-sentinel://a/main?sentinel_password=p@x')).to.have.property(
      'sentinel',
    );
  });
});
