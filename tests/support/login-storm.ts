/** Many sign-ins at once at a real server, and what somebody notices of them who is signed in. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from './browser.ts';
import type { StormAnswers } from './login-storm-process.ts';

const run = promisify(execFile);
const PROGRAM = path.join(import.meta.dirname, 'login-storm-process.ts');

export interface Target {
  /** `http://127.0.0.1:<port>` */
  readonly socket: string;
  readonly emails: readonly string[];
  readonly password: string;
}

/** From a process of its own, so that whoever measures meanwhile is not held up by it. */
export async function storm(
  { socket, emails, password }: Target,
  count: number,
): Promise<StormAnswers> {
  const args = [PROGRAM, socket, String(count), password, ...emails];
  const { stdout } = await run(process.execPath, args);
  return JSON.parse(stdout) as StormAnswers;
}

export interface Refreshes {
  readonly statuses: ReadonlySet<number>;
  /** Milliseconds that each took. */
  readonly times: readonly number[];
}

/** Refreshes one after the other as long as `isOver` says no. */
export async function refreshing(browser: Browser, isOver: () => boolean): Promise<Refreshes> {
  const statuses = new Set<number>();
  const times: number[] = [];
  while (!isOver()) {
    const since = performance.now();
    const { status } = await browser.request('/auth/refresh', { method: 'POST' });
    times.push(performance.now() - since);
    statuses.add(status);
  }
  return { statuses, times };
}

export const percentile = (samples: readonly number[], part: number): number => {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
};
