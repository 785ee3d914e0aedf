import { expect } from 'chai';
import { createLongWork } from '../../src/kernel/long-work.ts';

/** Work that ends when the test says so. */
function createWork() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let times = 0;
  const work = (): Promise<void> => {
    times += 1;
    return promise;
  };
  return { work, end: () => resolve(), fail: reject, times: () => times };
}

describe('C1 work that is longer than a request', () => {
  const warned: object[] = [];
  const log = { warn: (fields: object) => void warned.push(fields) };
  const NO_PATIENCE = 1;
  const PATIENCE = 60_000;

  it('is waited for', async () => {
    const { work, end } = createWork();
    const told = createLongWork(log, PATIENCE)('a', work);
    end();
    expect(await told).to.equal(true);
  });

  it('throws what it throws in time', async () => {
    const long = createLongWork(log, PATIENCE);
    const failed = long('a', () => Promise.reject(new Error('refused')));
    expect(await failed.catch((error: Error) => error.message)).to.equal('refused');
    expect(await long('a', () => Promise.resolve()), 'it is over').to.equal(true);
    expect(warned).to.deep.equal([]);
  });

  it('goes on when patience ends, and is joined by who asks again', async () => {
    const { work, end, times } = createWork();
    const long = createLongWork(log, NO_PATIENCE);
    expect(await long('a', work)).to.equal(false);
    expect(await long('a', work)).to.equal(false);
    const other = createWork();
    expect(await long('b', other.work)).to.equal(false);
    expect([times(), other.times()]).to.deep.equal([1, 1]);
    end();
    other.end();
    await work();
    await new Promise(setImmediate);
    expect(await long('a', () => Promise.resolve()), 'a new one').to.equal(true);
  });

  it('has its failure logged when nobody waits any more', async () => {
    const { work, fail } = createWork();
    expect(await createLongWork(log, NO_PATIENCE)('role 1', work)).to.equal(false);
    const err = new Error('lost');
    fail(err);
    await work().catch(() => undefined);
    await new Promise(setImmediate);
    expect(warned).to.deep.equal([{ event: 'work.failed', work: 'role 1', err }]);
  });
});
