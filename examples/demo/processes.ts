/** Child processes that are watched, waited for and stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

export type OnLine = (line: string) => void;

export interface RunningProcess {
  readonly name: string;
  /** Resolves when the process has ended, with what it said last. */
  readonly ended: Promise<string>;
  /** Resolves when the URL answers 200. Throws an Error with the last output when the process ends before, or is too slow. */
  answers(url: string): Promise<void>;
  /** SIGTERM, and SIGKILL for one that does not listen. */
  stop(): Promise<void>;
}

export interface Processes {
  /** `args` is what follows `node`. Of our own environment the process gets PATH only, besides `env`. */
  start(name: string, args: readonly string[], env: NodeJS.ProcessEnv): RunningProcess;
  /** Resolves when one of those that run now has ended, with its name and what it said last. */
  oneEnded(): Promise<string>;
  /** In reverse order. */
  stop(): Promise<void>;
}

interface ProcessesOptions {
  readonly cwd: string;
  /** Gets every line that a process prints, after its name. */
  readonly onLine: OnLine;
}

export function createProcesses({ cwd, onLine }: ProcessesOptions): Processes {
  const running: RunningProcess[] = [];
  return {
    start(name, args, own) {
      const env = { PATH: process.env['PATH'], ...own };
      const started = startProcess({
        name,
        args,
        env,
        cwd,
        onLine: (line) => onLine(`${name}: ${line}`),
      });
      running.push(started);
      return started;
    },
    oneEnded: () => Promise.race(running.map(async ({ name, ended }) => `${name}: ${await ended}`)),
    async stop() {
      for (const one of running.toReversed()) await one.stop();
    },
  };
}

interface ProcessOptions extends ProcessesOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Milliseconds. */
const START_TIMEOUT = 40_000;
const STOP_TIMEOUT = 15_000;
const REMEMBERED_LINES = 30;

function startProcess({ name, args, env, cwd, onLine }: ProcessOptions): RunningProcess {
  const child = spawn(process.execPath, args, {
    env,
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C is for us, and we stop them in order.
    detached: true,
  });
  const last: string[] = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      last.push(line);
      if (last.length > REMEMBERED_LINES) last.shift();
      onLine(line);
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
