import { expect } from 'chai';
import { BATCH, inBatches } from '../../src/kernel/in-batches.ts';

/** `count` things to do, and the sizes that a step was asked for. */
function work(count: number) {
  const sizes: number[] = [];
  let left = count;
  const step = async (size: number): Promise<number> => {
    sizes.push(size);
    const done = Math.min(size, left);
    left -= done;
    return done;
  };
  return { sizes, step, left: () => left };
}

describe('C1 C2 work in batches', () => {
  for (const { count, calls } of [
    { count: 0, calls: 1 },
    { count: 1, calls: 1 },
    { count: 2, calls: 1 },
    { count: 3, calls: 2 },
    { count: 7, calls: 3 },
  ]) {
    it(`does ${count} in ${calls} batches of at most 3, and says how many`, async () => {
      const { sizes, step, left } = work(count);
      expect(await inBatches(step, 3)).to.equal(count);
      expect(left()).to.equal(0);
      expect(sizes).to.deep.equal(Array(calls).fill(3));
    });
  }

  it('asks for batches of one size everywhere unless told', async () => {
    const { sizes, step } = work(BATCH + 1);
    expect(await inBatches(step)).to.equal(BATCH + 1);
    expect(sizes).to.deep.equal([BATCH, BATCH]);
  });

  it('ends with what a batch throws, and goes on where it was when called again', async () => {
    const { step, left } = work(7);
    let calls = 0;
    const failing = (size: number): Promise<number> => {
      calls += 1;
      return calls === 2 ? Promise.reject(new Error('lost')) : step(size);
    };
    const error = await inBatches(failing, 3).catch((thrown: Error) => thrown);
    expect(error).to.have.property('message', 'lost');
    expect(left()).to.equal(4);
    expect(await inBatches(failing, 3)).to.equal(4);
    expect(left()).to.equal(0);
  });
});
