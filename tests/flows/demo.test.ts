import { expect } from 'chai';
import { type DemoCheck, runDemoCheck } from '../support/demo-check.ts';
import { postgresUrl, redisUrl } from '../support/service-urls.ts';

describe('npm run demo -- --check', function () {
  this.timeout(120_000);

  const expectSuccess = ({ code, output }: DemoCheck): void => {
    expect(code, output).to.equal(0);
    expect(output)
      .to.match(/\b[1-9]\d* passed, 0 failed/)
      .and.not.include('✘');
  };

  it('walks through everything on the embedded database', async () => {
    expectSuccess(await runDemoCheck({}));
  });

  it('walks through everything on PostgreSQL and Redis', async function () {
    const redis = redisUrl();
    if (redis === undefined) return this.skip();
    expectSuccess(await runDemoCheck({ DATABASE_URL: postgresUrl(), REDIS_URL: redis }));
  });
});
