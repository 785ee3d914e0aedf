/** Child processes that are watched, waited for and stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProcessOptions {
  readonly name: string;
  /** What follows `node` on the command line. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Gets every line the process prints. */
  readonly onLine?: (line: string) => void;
}

export interface RunningProcess {
  readonly name: string;
  /** Resolves when the process has ended, with what it said last. */
  readonly ended: Promise<string>;
  /** Resolves when the URL answers 200. Throws an Error with the last output when the process ends before, or is too slow. */
  answers(url: string): Promise<void>;
  /** SIGTERM, and SIGKILL for one that does not listen. */
  stop(): Promise<void>;
}

/** Milliseconds. */
const START_TIMEOUT = 40_000;
const STOP_TIMEOUT = 15_000;
const REMEMBERED_LINES = 30;

export function startProcess({ name, args, env, onLine }: ProcessOptions): RunningProcess {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const last: string[] = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      last.push(line);
      if (last.length > REMEMBERED_LINES) last.shift();
      onLine?.(line);
    });
  }
  // "close" comes when all output has been read, "exit" may come before.
  const ended = once(child, 'close').then(() => last.join('\n'));
  return {
    name,
    ended,
    async answers(url) {
      const isUp = new AbortController();
      const up = untilAnswer(url, isUp.signal);
      const early = ended.then((output) => {
        throw new Error(`${name} ended before it was ready:\n${output}`);
      });
      await Promise.race([up, early]).finally(() => isUp.abort());
    },
    stop: () => stopProcess(child),
  };
}

async function untilAnswer(url: string, signal: AbortSignal): Promise<void> {
  const end = performance.now() + START_TIMEOUT;
  while (!signal.aborted) {
    const response = await fetch(url, { signal }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    if (performance.now() > end) throw new Error(`${url} did not answer in time`);
    await delay(50);
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

async function stopProcess(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT);
  await exited;
  clearTimeout(timer);
}
