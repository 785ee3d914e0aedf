/** Runs a program that never outlives this process, not even after kill -9. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface GuardedCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment: nothing of ours, secrets least of all, is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Whom to run as; unset, as we do. */
  readonly uid?: number;
  readonly gid?: number;
  /** What asks the program to end. */
  readonly signal: 'INT' | 'TERM';
  /** Removed once the program has ended, whoever ended it. */
  readonly removeAfter: readonly string[];
  /** Each line that the program writes to its standard error. */
  readonly onLine: (line: string) => void;
}

export interface GuardedProcess {
  /** True until the program has ended. */
  isRunning(): boolean;
  /** Resolves with the exit code when the program has ended and its output is read. */
  readonly exited: Promise<number>;
  /** Lets our event loop end while the program runs. */
  release(): void;
  /** Asks the program to end; our event loop waits for it again. */
  end(): void;
}

/**
 * Starts the program under a shell that holds the other end of a pipe of ours: when the pipe closes, because we asked or
 * because we are dead, the shell signals the program. Its own session keeps Ctrl-C and a closing terminal away.
 */
export function spawnGuarded(command: GuardedCommand): GuardedProcess {
  const { file, args, env, uid, gid } = command;
  const child = spawn('/bin/sh', ['-c', guardScript(command), 'guard', file, ...args], {
    env,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  createInterface({ input: child.stderr }).on('line', command.onLine);
  // The shell may end before we close the pipe; its exit code says why.
  child.stdin.on('error', () => undefined);
  let running = true;
  const exited = exitCode(child).finally(() => {
    running = false;
  });
  // Whoever cares awaits `exited`; a failure to spawn must not end the process before that.
  exited.catch(() => undefined);
  return {
    isRunning: () => running,
    exited,
    release: () => keepLoop(child, false),
    end: () => {
      keepLoop(child, true);
      child.stdin.end();
    },
  };
}

/** SIGTERM to the whole service, as systemd sends it, must not end the guard before the program. */
function guardScript({ signal, removeAfter }: GuardedCommand): string {
  const remove = removeAfter.length === 0 ? '' : `rm -rf -- ${removeAfter.map(quote).join(' ')}`;
  return `
    trap '' TERM INT HUP
    exec 3<&0
    "$@" </dev/null 3<&- &
    child=$!
    (read -r line <&3; kill -${signal} "$child") 2>/dev/null &
    watch=$!
    exec 3<&- </dev/null
    wait "$child"
    code=$?
    kill -KILL "$watch" 2>/dev/null
    ${remove}
    exit "$code"`;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function keepLoop(child: ChildProcess, alive: boolean): void {
  const handles = [child, ...child.stdio.filter((stream) => stream instanceof Socket)];
  for (const handle of handles) alive ? handle.ref() : handle.unref();
}

async function exitCode(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}
