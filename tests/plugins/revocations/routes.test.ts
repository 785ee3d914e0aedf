import { expect } from 'chai';
import { ProblemError } from '../../../src/kernel/problem.ts';
import { createRoutes } from '../../../src/plugins/revocations/routes.ts';
import { silentLog } from '../../support/log.ts';

describe('GET /auth/revocations', () => {
  const createRoute = (limit: number) => {
    const follow = async () => (async function* () {})();
    const [route] = createRoutes({ follow, log: silentLog, limit });
    return (clientId: string, signal: AbortSignal): Promise<unknown> =>
      route?.handle({ principal: { clientId }, signal } as never) ?? expect.fail('no route');
  };

  it('opens so many streams for one client and no more, until one of them ends', async () => {
    const open = createRoute(2);
    const [first, second] = [new AbortController(), new AbortController()];
    await open('one', first.signal);
    await open('one', second.signal);
    const refused = await open('one', second.signal).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(ProblemError);
    expect((refused as ProblemError).problem).to.include({ status: 429, retryAfter: 10 });
    await open('another', new AbortController().signal);
    first.abort();
    await open('one', new AbortController().signal);
  });
});
