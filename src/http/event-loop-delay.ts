/** By how much the event loop is late: the one sign that all work of this process is too much, whatever it is. */
import { type ELDHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

export interface EventLoopDelay {
  /** Milliseconds, on average: the smaller one of the last two windows, as one long pause alone is no overload. */
  milliseconds(): number;
  close(): void;
}

/** Milliseconds between two looks of the histogram. */
const RESOLUTION = 20;
/** Milliseconds that are averaged. */
const WINDOW = 500;

export function watchEventLoop(
  histogram: Pick<ELDHistogram, 'enable' | 'disable' | 'reset' | 'mean'> = monitorEventLoopDelay({
    resolution: RESOLUTION,
  }),
): EventLoopDelay {
  let latest = 0;
  let delay = 0;
  const sample = (): void => {
    // Its values, in nanoseconds, contain the time between two looks. Without any value the mean is NaN.
    const mean = Math.max(0, histogram.mean / 1e6 - RESOLUTION) || 0;
    delay = Math.min(mean, latest);
    latest = mean;
    histogram.reset();
  };
  histogram.enable();
  const timer = setInterval(sample, WINDOW).unref();
  return {
    milliseconds: () => delay,
    close() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
