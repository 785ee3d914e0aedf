/** Runs `authsrv` as an administrator does. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const AUTHSRV = fileURLToPath(new URL('../../bin/authsrv.js', import.meta.url));

/** Resolves with what the command printed. Throws an Error with what it complained about. */
export type CommandLine = (args: readonly string[], stdin?: string) => Promise<string>;

/** Milliseconds. */
const TIMEOUT = 30_000;

export const createCommandLine =
  (env: NodeJS.ProcessEnv, cwd: string): CommandLine =>
  (args, stdin = '') =>
    new Promise((resolve, reject) => {
      const options = { env, cwd, timeout: TIMEOUT };
      const child = execFile(process.execPath, [AUTHSRV, ...args], options, (error, out, err) => {
        if (error) reject(new Error(`authsrv ${args.join(' ')}: ${err.trim() || error.message}`));
        else resolve(out);
      });
      child.stdin?.end(stdin);
    });
