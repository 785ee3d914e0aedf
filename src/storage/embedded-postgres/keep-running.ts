/** Starts PostgreSQL again when it ends without being asked, as after an out-of-memory kill. */
import { setTimeout as delay } from 'node:timers/promises';
import type { GuardedProcess } from './guarded-process.ts';

/** Milliseconds between two attempts to start it again. */
const PAUSE = 1000;

export interface KeptRunning {
  /** Ends the program for good; resolves when it has ended. May be called again. */
  stop(): Promise<void>;
}

export function keepRunning(
  first: GuardedProcess,
  startAgain: () => Promise<GuardedProcess>,
  log: (line: string) => void,
): KeptRunning {
  const stopping = new AbortController();
  let current = first;
  const ended = supervise();

  async function supervise(): Promise<void> {
    for (;;) {
      const code = await current.exited;
      if (stopping.signal.aborted) return;
      log(`PostgreSQL ended by itself with exit code ${code}: starting it again`);
      const next = await restart();
      if (next === undefined) return;
      current = next;
      if (stopping.signal.aborted) current.end();
    }
  }

  async function restart(): Promise<GuardedProcess | undefined> {
    while (!stopping.signal.aborted) {
      try {
        return await startAgain();
      } catch (error) {
        log(error instanceof Error ? error.message : String(error));
        await delay(PAUSE, undefined, { ref: false });
      }
    }
    return undefined;
  }

  return {
    async stop() {
      stopping.abort();
      current.end();
      await ended;
    },
  };
}
