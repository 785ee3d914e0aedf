import { expect } from 'chai';
import { atMost } from '../../src/kernel/at-most.ts';
import { MoreThanABatch, wholeOrBatches } from '../../src/kernel/whole-or-batches.ts';

describe('C2 the whole at once, or batches first', () => {
  it('does what is at most a batch at once', async () => {
    const done = await wholeOrBatches(
      async () => 'whole',
      () => expect.fail('no batches'),
    );
    expect(done).to.equal('whole');
  });

  it('does batches as often as the whole is more than one', async () => {
    let rows = 3;
    let batches = 0;
    const whole = async (): Promise<string> => {
      if (rows > 0) throw new MoreThanABatch();
      return 'whole';
    };
    const done = await wholeOrBatches(whole, async () => {
      batches += 1;
      rows -= 1;
    });
    expect([done, batches]).to.deep.equal(['whole', 3]);
  });

  it('throws a refusal of the whole before any batch, and what a batch throws', async () => {
    const refuse = () => Promise.reject(new Error('refused'));
    const noBatches = () => expect.fail('no batches');
    const refused = await wholeOrBatches(refuse, noBatches).catch((error: Error) => error.message);
    expect(refused).to.equal('refused');
    const tooMuch = () => Promise.reject(new MoreThanABatch());
    const lose = () => Promise.reject(new Error('lost'));
    expect(await wholeOrBatches(tooMuch, lose).catch((error: Error) => error.message)).to.equal(
      'lost',
    );
  });
});

describe('C2 work that is done so much at a time', () => {
  it('begins in order and never more than its limit, also when some of it fails', async () => {
    const inTurn = atMost(2);
    const begun: number[] = [];
    const ends: PromiseWithResolvers<void>[] = [];
    const all = [0, 1, 2, 3, 4].map((number) => {
      const end = Promise.withResolvers<void>();
      ends.push(end);
      return inTurn(async () => {
        begun.push(number);
        await end.promise;
        return number;
      }).catch((error: Error) => error.message);
    });
    const settle = () => new Promise(setImmediate);
    await settle();
    expect(begun).to.deep.equal([0, 1]);
    ends[1]?.reject(new Error('failed'));
    await settle();
    expect(begun).to.deep.equal([0, 1, 2]);
    for (const end of ends) end.resolve();
    expect(await Promise.all(all)).to.deep.equal([0, 'failed', 2, 3, 4]);
    expect(begun).to.deep.equal([0, 1, 2, 3, 4]);
    expect(await inTurn(async () => 'another')).to.equal('another');
  });
});
