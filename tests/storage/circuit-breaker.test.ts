import { expect } from 'chai';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import { type CircuitBreaker, createCircuitBreaker } from '../../src/storage/circuit-breaker.ts';
import { createRecordingLog } from '../support/log.ts';

describe('circuit breaker', () => {
  let time: number;
  let made: number;
  let log: ReturnType<typeof createRecordingLog>;
  let breaker: CircuitBreaker;

  beforeEach(() => {
    time = 1_000_000;
    made = 0;
    log = createRecordingLog();
    breaker = createCircuitBreaker({ name: 'store', log, now: () => time });
  });

  const events = () => log.entries.map(({ fields }) => (fields as { event: string }).event);

  /** What a call ends with that takes so many milliseconds. */
  const call = (outcome: Error | string, duration = 0): Promise<unknown> =>
    breaker
      .run(async () => {
        made += 1;
        await Promise.resolve();
        time += duration;
        if (outcome instanceof Error) throw outcome;
        return outcome;
      })
      .catch((error: unknown) => error);

  const lost = new StoreUnavailable('it did not answer');
  const fail = async (times: number, duration = 500) => {
    for (let done = 0; done < times; done += 1) await call(lost, duration);
  };

  it('opens after five calls in a row without an answer, and says so once', async () => {
    await fail(4);
    expect(breaker.isOpen()).to.equal(false);
    await fail(1);
    expect(breaker.isOpen()).to.equal(true);
    const refused = await call('never made');
    expect(refused).to.be.instanceOf(StoreUnavailable);
    expect((refused as Error).cause).to.equal(lost);
    expect(made).to.equal(5);
    await fail(3, 0);
    expect(events()).to.deep.equal(['store.given_up']);
  });

  it('opens when five calls hang at the same time', async () => {
    const hanging = Promise.withResolvers<never>();
    const calls = Array.from({ length: 5 }, () =>
      breaker.run(() => hanging.promise).catch((error: unknown) => error),
    );
    time += 500;
    hanging.reject(lost);
    await Promise.all(calls);
    expect(breaker.isOpen()).to.equal(true);
  });

  it('stays closed for one slow call, and for failures with an answer between them', async () => {
    await fail(1, 60_000);
    for (let round = 0; round < 5; round += 1) {
      await call('answer');
      await fail(4);
    }
    expect(breaker.isOpen()).to.equal(false);
  });

  it('stays closed when a connection was cut for a moment', async () => {
    await fail(20, 10);
    expect(breaker.isOpen()).to.equal(false);
    await fail(6, 10);
    expect(breaker.isOpen()).to.equal(true);
  });

  it('stays closed while others are answered, as when one server of several is lost', async () => {
    for (let round = 0; round < 20; round += 1) {
      const hanging = Promise.withResolvers<never>();
      const pending = breaker.run(() => hanging.promise).catch((error: unknown) => error);
      await call('answer', 500);
      hanging.reject(lost);
      await pending;
    }
    expect(breaker.isOpen()).to.equal(false);
  });

  it('counts an answer that says no as an answer', async () => {
    await fail(4);
    const refusal = new RangeError('no');
    expect(await call(refusal)).to.equal(refusal);
    await fail(4);
    expect(breaker.isOpen()).to.equal(false);
  });

  it('lets one call try after a pause, and closes when it is answered', async () => {
    await fail(5);
    time += 499;
    await call('too early');
    expect(made).to.equal(5);
    time += 1;
    const trying = Promise.withResolvers<string>();
    const trial = breaker.run(() => trying.promise);
    expect(await call('another at the same time')).to.be.instanceOf(StoreUnavailable);
    expect(made).to.equal(5);
    trying.resolve('answer');
    expect(await trial).to.equal('answer');
    expect(breaker.isOpen()).to.equal(false);
    expect(await call('next')).to.equal('next');
    expect(events()).to.deep.equal(['store.given_up', 'store.answers_again']);
  });

  it('waits for another pause when the trial fails', async () => {
    await fail(5);
    time += 500;
    await fail(1);
    expect(made).to.equal(6);
    await call('too early');
    expect(made).to.equal(6);
    time += 500;
    expect(await call('answer')).to.equal('answer');
    expect(events()).to.deep.equal(['store.given_up', 'store.answers_again']);
  });

  it('asks in any case when told to: an answer closes it, a failure does not open it', async () => {
    for (let round = 0; round < 9; round += 1) {
      time += 500;
      await breaker.ask(() => Promise.reject(lost)).catch(() => undefined);
    }
    expect(breaker.isOpen()).to.equal(false);
    await fail(5);
    expect(await breaker.ask(async () => 'answer')).to.equal('answer');
    expect(breaker.isOpen()).to.equal(false);
  });

  it('makes no call twice', async () => {
    await call(lost);
    expect(made).to.equal(1);
  });
});
