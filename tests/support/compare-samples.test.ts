import { expect } from 'chai';
import { mannWhitney, median } from './compare-samples.ts';

const ramp = (count: number, from: number, step = 1): number[] =>
  Array.from({ length: count }, (_, index) => from + index * step);

describe('comparison of samples', () => {
  it('agrees with scipy.stats.mannwhitneyu', () => {
    // mannwhitneyu(range(20), range(5, 25), method='asymptotic').pvalue
    expect(mannWhitney(ramp(20, 0), ramp(20, 5))).to.be.closeTo(0.01852, 1e-5);
    expect(mannWhitney(ramp(50, 0), ramp(50, 0))).to.be.closeTo(1, 1e-6);
  });

  it('tells 200 samples that are slower by half a spread from 200 that are not', () => {
    expect(mannWhitney(ramp(200, 0), ramp(200, 50))).to.be.below(0.0001);
    expect(mannWhitney(ramp(200, 0), ramp(200, 5))).to.be.above(0.01);
  });

  it('takes the middle', () => {
    expect(median([5, 1, 3])).to.equal(3);
    expect(median([4, 1, 2, 3])).to.equal(2.5);
  });
});
