/** `npm run demo -- --check` in a process of its own. */
import { execFile } from 'node:child_process';
import path from 'node:path';

export interface DemoCheck {
  /** 0 when all steps passed; a signal's name when it was killed. */
  readonly code: number | string;
  readonly output: string;
}

const PROGRAM = path.join(import.meta.dirname, '../../examples/demo.ts');
/** Milliseconds: one Node process after the other on a busy machine. */
const TIMEOUT = 110_000;

/** `settings` are all the settings that the server gets, besides those the demo makes itself. */
export const runDemoCheck = (settings: Readonly<Record<string, string>>): Promise<DemoCheck> =>
  new Promise((resolve) => {
    const { PATH = '', HOME = '' } = process.env;
    const options = { env: { PATH, HOME, ...settings }, timeout: TIMEOUT };
    execFile(process.execPath, [PROGRAM, '--check'], options, (error, out, err) => {
      const code = error ? (error.code ?? error.signal ?? 'unknown') : 0;
      resolve({ code, output: out + err });
    });
  });
