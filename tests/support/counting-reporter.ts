/** Mocha's usual report; it also tells `run.ts` the counts, and ends a run that open handles keep alive. */
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

/** Milliseconds after the last test until whatever is still open counts as a leak. */
const GRACE = 10_000;

export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes: passed, failures: failed } = this.stats;
      const file = process.env['TEST_COUNTS_FILE'];
      if (file !== undefined) {
        writeFileSync(
          file,
          JSON.stringify({ passed, failed, failures: this.failures.map(describe) }),
        );
      }
      setTimeout(endLeakingRun, GRACE).unref();
    });
  }
}

/** What CI must say last, where a long log is cut. */
const describe = (test: Mocha.Test): string =>
  `${test.fullTitle()}: ${test.err?.message.split('\n')[0] ?? 'no reason given'}`;

function endLeakingRun(): void {
  const open = process.getActiveResourcesInfo().join(', ');
  console.error(`The tests are over, but this is still open: ${open}`);
  process.exit(1);
}
