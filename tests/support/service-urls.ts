/** The services of the test run, which `npm test` starts. */

/** Its role may create databases. */
export function postgresUrl(): string {
  const url = process.env['TEST_DATABASE_URL'];
  if (!url) throw new Error('TEST_DATABASE_URL is not set: run the tests with `npm test`');
  return url;
}

/** undefined: no Redis to be had; suites that need it are skipped. */
export const redisUrl = (): string | undefined => process.env['TEST_REDIS_URL'];
