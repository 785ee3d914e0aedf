/** The command line `authsrv` in a process of its own, as a person runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const PROGRAM = path.join(import.meta.dirname, '../../bin/authsrv.js');

export interface AuthsrvOptions {
  /** Settings; those of whoever runs the tests do not count. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input, then its end. */
  readonly stdin?: string;
  readonly cwd?: string;
  /** Another `bin/authsrv.js`. */
  readonly program?: string;
}

export interface CommandRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A change that a command logged. */
export interface AuditLine {
  readonly event: string;
  readonly actor: string;
  readonly target?: string;
  readonly diff?: object;
}

const isLogged = (line: string): boolean => line.startsWith('{');

/** What is for the log, of standard error. */
export const auditLines = ({ stderr }: Pick<CommandRun, 'stderr'>): AuditLine[] =>
  stderr
    .split('\n')
    .filter(isLogged)
    .map((line) => JSON.parse(line) as AuditLine);

/** What is for the person at the terminal, of standard error. */
export const notes = ({ stderr }: Pick<CommandRun, 'stderr'>): string =>
  stderr
    .split('\n')
    .filter((line) => !isLogged(line))
    .join('\n');

/** What a process inherits from the tests: no settings. */
export function cleanEnvironment(settings: Readonly<Record<string, string>> = {}) {
  const { PATH = '', HOME = '', NODE_V8_COVERAGE } = process.env;
  return {
    PATH,
    HOME,
    NODE_ENV: 'test',
    ...(NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE }),
    ...settings,
  };
}

/** Resolves when the process has ended. */
export async function authsrv(
  args: readonly string[],
  { env = {}, stdin = '', cwd, program = PROGRAM }: AuthsrvOptions = {},
): Promise<CommandRun> {
  const child = spawn(process.execPath, [program, ...args], {
    env: cleanEnvironment(env),
    ...(cwd === undefined ? {} : { cwd }),
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.stdin.on('error', () => undefined); // It may end without having read.
  child.stdin.end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  process.off('exit', kill);
  return { code, stdout, stderr };
}
