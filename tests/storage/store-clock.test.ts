import { expect } from 'chai';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import { createStoreClock } from '../../src/storage/store-clock.ts';
import { createRecordingLog } from '../support/log.ts';

const HOUR = 3_600_000;

describe('the clock of the store', () => {
  const setUp = () => {
    const log = createRecordingLog();
    const state = { local: 0, elapsed: 100, store: 5 * HOUR, takes: 0, isAway: false };
    const clock = createStoreClock({
      db: {
        async query() {
          if (state.isAway) throw new StoreUnavailable('away');
          state.elapsed += state.takes;
          return [{ now: state.store }] as never;
        },
      },
      local: { now: () => state.local },
      elapsed: () => state.elapsed,
      log,
    });
    return { clock, state, log };
  };

  it('is that of this machine until the first look', () => {
    const { clock, state } = setUp();
    state.local = 7;
    expect(clock.now()).to.equal(7);
  });

  it('goes on with the time that has passed, whatever this machine’s clock is set to', async () => {
    const { clock, state } = setUp();
    await clock.read();
    expect(clock.now()).to.equal(5 * HOUR);
    state.elapsed += 1_500;
    state.local = 9 * HOUR;
    expect(clock.now()).to.equal(5 * HOUR + 1_500);
  });

  it('takes the middle of the look for the moment of the answer', async () => {
    const { clock, state } = setUp();
    state.takes = 400;
    await clock.read();
    expect(clock.now()).to.equal(5 * HOUR + 200);
  });

  it('keeps the former look when one fails or takes too long', async () => {
    const { clock, state } = setUp();
    await clock.read();
    Object.assign(state, { store: 8 * HOUR, isAway: true });
    await clock.read();
    Object.assign(state, { takes: 1_001, isAway: false });
    await clock.read();
    expect(clock.now()).to.equal(5 * HOUR + 1_001);
  });

  it('takes a slow look when there is no other', async () => {
    const { clock, state } = setUp();
    state.takes = 4_000;
    await clock.read();
    expect(clock.now()).to.equal(5 * HOUR + 2_000);
  });

  it('says once that this machine’s clock is more than 30 s off, and that it is right again', async () => {
    const { clock, state, log } = setUp();
    for (const local of [5 * HOUR + 30_000, 6 * HOUR, 4 * HOUR, 5 * HOUR]) {
      state.local = local;
      await clock.read();
    }
    expect(log.entries.map(({ level, fields }) => ({ level, ...fields }))).to.deep.equal([
      { level: 'error', event: 'clock.off', seconds: 3_600 },
      { level: 'info', event: 'clock.right' },
    ]);
  });
});
