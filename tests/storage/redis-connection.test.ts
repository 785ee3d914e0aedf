import { expect } from 'chai';
import { parseRedisUrls } from '../../src/storage/redis-connection.ts';

describe('Redis URLs', () => {
  it('one URL is one server, with its user, password and database', () => {
    const url = 'redis://user:p%40ss@redis.example:6380/3';
    expect(parseRedisUrls(url)).to.deep.equal({ nodes: [url], isCluster: false });
    expect(parseRedisUrls('rediss://host').isCluster).to.equal(false);
  });

  it('several URLs, or cluster in the query, are a Cluster', () => {
    expect(parseRedisUrls('redis://a:1, redis://b:2')).to.deep.equal({
      nodes: ['redis://a:1', 'redis://b:2'],
      isCluster: true,
    });
    expect(parseRedisUrls('rediss://a:1?cluster=true')).to.deep.equal({
      nodes: ['rediss://a:1'],
      isCluster: true,
    });
  });

  for (const url of ['http://a', 'redis', '']) {
    it(`refuses "${url}"`, () => {
      expect(() => parseRedisUrls(url)).to.throw(TypeError);
    });
  }
});
