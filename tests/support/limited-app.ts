/** A server whose rate limits are on, and requests that come from wherever a test says. */
import { randomBytes, randomInt } from 'node:crypto';
import type { Answer, RequestOptions } from './browser.ts';
import type { Node } from './nodes.ts';
import { startTestApp, type TestApp, type TestAppOptions } from './test-app.ts';

/** Behind a proxy on this machine, with buckets that no other test shares: their keys come from SECRET_KEY. */
export const startLimitedApp = (options: TestAppOptions = {}): Promise<TestApp> =>
  startTestApp({
    ...options,
    settings: {
      RATE_LIMIT: 'on',
      TRUST_PROXY: '127.0.0.1',
      SECRET_KEY: randomBytes(32).toString('hex'),
      ...options.settings,
    },
  });

/** An address of RFC 2544, for tests. */
export const anyAddress = (): string =>
  `198.${randomInt(18, 20)}.${randomInt(256)}.${randomInt(256)}`;

/** A request that a proxy passes on for this address. */
export const requestFrom = (
  node: Node,
  ip: string,
  path: string,
  options: RequestOptions = {},
): Promise<Answer> =>
  node.browser().request(path, {
    ...options,
    headers: { 'x-forwarded-for': ip, ...options.headers },
  });

/** A login that is counted, then refused for its form: the cheapest call of its class. */
export const probe = (node: Node, headers: Readonly<Record<string, string>>): Promise<Answer> =>
  node.browser().request('/auth/login', { json: {}, headers });

export const countOf = (answers: readonly Pick<Answer, 'status'>[], status: number): number =>
  answers.filter((answer) => answer.status === status).length;
