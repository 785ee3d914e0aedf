import { expect } from 'chai';
import { watchEventLoop } from '../../src/http/event-loop-delay.ts';
import { eventually } from '../support/eventually.ts';

/** A histogram that says what a test wants. */
function fakeHistogram() {
  const state = { mean: 20e6, resets: 0, isOn: false };
  const histogram = {
    get mean() {
      return state.mean;
    },
    enable: () => {
      state.isOn = true;
      return true;
    },
    disable: () => {
      state.isOn = false;
      return true;
    },
    reset: () => {
      state.resets += 1;
    },
  };
  return { state, histogram };
}

describe('event loop delay', () => {
  it('is the mean without the time between two looks, in milliseconds, and starts anew each time', async () => {
    const { state, histogram } = fakeHistogram();
    const watch = watchEventLoop(histogram);
    try {
      expect(watch.milliseconds()).to.equal(0);
      state.mean = 720e6;
      await eventually(() => expect(watch.milliseconds()).to.equal(700));
      state.mean = Number.NaN;
      await eventually(() => expect(watch.milliseconds()).to.equal(0));
      expect(state.resets).to.be.at.least(2);
    } finally {
      watch.close();
    }
    expect(state.isOn).to.equal(false);
  });

  it('takes one long pause for no overload', async () => {
    const { state, histogram } = fakeHistogram();
    const watch = watchEventLoop(histogram);
    const seen = new Set<number>();
    try {
      state.mean = 5_020e6;
      await eventually(() => expect(state.resets).to.equal(1));
      state.mean = 20e6;
      await eventually(() => {
        seen.add(watch.milliseconds());
        expect(state.resets).to.equal(3);
      });
    } finally {
      watch.close();
    }
    expect([...seen]).to.deep.equal([0]);
  });

  it('sees a loop that is late again and again', async () => {
    const watch = watchEventLoop();
    try {
      await eventually(() => {
        const end = performance.now() + 100;
        while (performance.now() < end);
        expect(watch.milliseconds()).to.be.above(20);
      });
    } finally {
      watch.close();
    }
  });
});
