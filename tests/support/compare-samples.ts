/** Whether two sets of measurements could be of one and the same thing. */

export const median = (samples: readonly number[]): number => {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? upper) + upper) / 2 : upper;
};

/**
 * Two-sided p of the Mann–Whitney U test, by its normal approximation with the correction for ties: the chance that
 * samples of one distribution differ in rank as much as these do.
 */
export function mannWhitney(ours: readonly number[], theirs: readonly number[]): number {
  const all = [
    ...ours.map((value) => ({ value, isOurs: true })),
    ...theirs.map((value) => ({ value, isOurs: false })),
  ].sort((a, b) => a.value - b.value);
  const [n, m] = [ours.length, theirs.length];
  let rankSum = 0;
  let ties = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]?.value === all[from]?.value) to += 1;
    const rank = (from + 1 + to) / 2;
    rankSum += rank * all.slice(from, to).filter(({ isOurs }) => isOurs).length;
    const tied = to - from;
    ties += tied ** 3 - tied;
    from = to;
  }
  const u = rankSum - (n * (n + 1)) / 2;
  const total = n + m;
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
  const z = Math.max(0, Math.abs(u - (n * m) / 2) - 0.5) / Math.sqrt(variance);
  return 2 * (1 - normal(z));
}

/** The normal distribution function (Abramowitz and Stegun 26.2.17; error below 1e-7). */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  const tail =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - density * tail;
}
