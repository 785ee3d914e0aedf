/** Keeps several processes of one server running. Knows nothing of how they are made. */
import { CommandError, type Log } from '../kernel/plugin.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface Worker {
  readonly pid: number;
  /** Resolves when it serves; never when it ends before. */
  readonly ready: Promise<void>;
  /** Rejects when the system could not make the process. */
  readonly exited: Promise<Exit>;
  /** Asks it to finish what it does and to end. */
  terminate(): void;
  kill(): void;
}

export interface SupervisorOptions {
  readonly count: number;
  /** Starts one; those that replace another have its number, from 1 on. */
  readonly fork: (number: number) => Worker;
  /** Milliseconds that workers have to end when they are told to; then they are killed. */
  readonly grace: number;
  /** Milliseconds, of a clock that nobody sets. */
  readonly now: () => number;
  /** Resolves after so many milliseconds, or at once when the signal is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}

export interface Supervisor {
  /** Resolves when all serve; rejects with a CommandError when the first one ended instead. */
  readonly ready: Promise<void>;
  /** Ends all and starts none; resolves with true when each of them ended with exit code 0. Idempotent. */
  stop(): Promise<boolean>;
}

/** Milliseconds before one that ended is replaced; they double as long as the new ones do not last. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;
/** Milliseconds after which a worker counts as one that lasts. */
const LASTS = 60_000;

export function superviseWorkers(options: SupervisorOptions): Supervisor {
  const { count, fork, grace, now, sleep, log } = options;
  const stopping = new AbortController();
  const running = new Set<Worker>();
  const kept: Promise<void>[] = [];
  let hasServed = false;
  let isClean = true;

  /** One life; resolves when it is over. One that cannot begin, as where memory is short, is over at once. */
  const live = async (number: number, onReady: () => void): Promise<Exit> => {
    let worker: Worker | undefined;
    try {
      worker = fork(number);
      running.add(worker);
      log.info({ event: 'worker.started', worker: number, pid: worker.pid }, 'a worker starts');
      void worker.ready.then(onReady);
      return await worker.exited;
    } catch (error) {
      log.error({ event: 'worker.not_started', worker: number, err: error }, 'no worker was made');
      return { code: null, signal: null };
    } finally {
      if (worker) running.delete(worker);
    }
  };

  const pauseAfter = async (
    number: number,
    { code, signal }: Exit,
    pause: number,
  ): Promise<void> => {
    log.error(
      { event: 'worker.exited', worker: number, exit_code: code, signal, pause },
      'a worker ended by itself and is replaced',
    );
    await sleep(pause, stopping.signal);
  };

  /** One life after another. */
  const keep = async (number: number, onReady: () => void): Promise<void> => {
    let pause = FIRST_PAUSE;
    while (!stopping.signal.aborted) {
      const since = now();
      const exit = await live(number, onReady);
      if (stopping.signal.aborted) {
        isClean &&= exit.code === 0;
        return;
      }
      if (!hasServed) throw new CommandError('The first worker could not start, see above.');
      if (now() - since > LASTS) pause = FIRST_PAUSE;
      await pauseAfter(number, exit, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
  };

  /** Resolves when it serves, or when it never will, as all are to stop. */
  const start = async (number: number): Promise<void> => {
    const ready = Promise.withResolvers<void>();
    const keeping = keep(number, ready.resolve);
    kept.push(keeping);
    await Promise.race([ready.promise, keeping]);
  };

  /** The first one alone: what keeps it from serving would keep all of them, and be said as often. */
  const startAll = async (): Promise<void> => {
    await start(1);
    hasServed = true;
    if (stopping.signal.aborted) return;
    const others = Array.from({ length: count - 1 }, (_, index) => start(index + 2));
    await Promise.all(others);
  };

  return {
    ready: startAll(),
    async stop() {
      stopping.abort();
      for (const worker of running) worker.terminate();
      const late = setTimeout(() => {
        for (const worker of running) worker.kill();
      }, grace);
      await Promise.allSettled(kept);
      clearTimeout(late);
      return isClean;
    },
  };
}
