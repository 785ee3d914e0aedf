import { expect } from 'chai';
import { inTime } from '../../src/http/in-time.ts';
import { ProblemError } from '../../src/kernel/problem.ts';

describe('a handler', () => {
  it('that answers or throws is not touched', async () => {
    expect(await inTime('GET /x', Promise.resolve(7), 1_000)).to.equal(7);
    const failure = new Error('no');
    const thrown = await inTime('GET /x', Promise.reject(failure), 1_000).catch((error) => error);
    expect(thrown).to.equal(failure);
  });

  it('that hangs costs 503 with Retry-After, and is named', async () => {
    const never = new Promise<never>(() => undefined);
    const thrown = await inTime('GET /acme/report', never, 5).catch((error) => error);
    expect(thrown).to.be.instanceOf(ProblemError);
    const { problem, cause } = thrown as ProblemError;
    expect(problem).to.include({ status: 503, retryAfter: 2 });
    expect(String(cause)).to.include('GET /acme/report');
  });
});
