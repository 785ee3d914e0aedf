/** The time by PostgreSQL's clock, which all nodes share: a step of this machine's clock changes nothing. */
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/plugin.ts';
import type { Database, Statement } from '../kernel/store.ts';

/** Milliseconds from one look at PostgreSQL's clock to the next. */
const INTERVAL = 10_000;
/** Milliseconds a look may take to count: in so far it may be wrong. */
const PRECISION = 1_000;
/** Milliseconds that this machine's clock may differ before somebody should look. */
const SKEW = 30_000;

const NOW: Statement = {
  name: 'clock-now',
  text: 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
};

interface Dependencies {
  readonly db: Pick<Database, 'query'>;
  /** This machine's clock, which anybody may set. */
  readonly local: Clock;
  /** Milliseconds since some moment; never set. */
  readonly elapsed: () => number;
  readonly log: Log;
}

export interface StoreClock extends Clock {
  /** Looks at PostgreSQL's clock. Keeps the former reading when PostgreSQL does not answer in time. */
  read(): Promise<void>;
  /** Reads every 10 s, without keeping the process alive. */
  start(): void;
  stop(): void;
}

/** Until the first look it says what this machine's clock says. */
export function createStoreClock({ db, local, elapsed, log }: Dependencies): StoreClock {
  let anchor: { readonly time: number; readonly at: number } | undefined;
  let isOff = false;
  let timer: NodeJS.Timeout | undefined;
  const now = (): number =>
    anchor ? Math.round(anchor.time + elapsed() - anchor.at) : local.now();

  const compare = (): void => {
    const skew = Math.round((local.now() - now()) / 1000);
    const wasOff = isOff;
    isOff = Math.abs(skew) * 1000 > SKEW;
    if (isOff && !wasOff) {
      log.error({ event: 'clock.off', seconds: skew }, 'the clock of this machine is wrong');
    }
    if (wasOff && !isOff) log.info({ event: 'clock.right' }, 'the clock is right again');
  };

  const read = async (): Promise<void> => {
    const before = elapsed();
    const rows = await db.query<{ now: number }>(NOW, []).catch(() => []);
    const after = elapsed();
    const [row] = rows;
    if (!row || (anchor && after - before > PRECISION)) return;
    anchor = { time: row.now, at: (before + after) / 2 };
    compare();
  };

  return {
    now,
    read,
    start() {
      timer ??= setInterval(() => void read(), INTERVAL).unref();
    },
    stop: () => clearInterval(timer),
  };
}
