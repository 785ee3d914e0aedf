/** Runs the steps against a server, in a shell as a reader would, and writes down what it answered. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { readable } from './readable.ts';
import type { Chapter, Step } from './steps.ts';

const PROGRAM = path.resolve(import.meta.dirname, '../../bin/authsrv.js');
const ATTEMPTS = 100;
/** RFC 7636 appendix B. */
const PKCE = {
  VERIFIER: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  CHALLENGE: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
};

export interface Place {
  /** PUBLIC_URL of the server. */
  readonly issuer: string;
  /** Of the provider that stands for Google. */
  readonly upstream: string;
  /** Settings for `authsrv`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Markdown. Throws an Error that names the step whose answer is not what it must be. */
export async function transcribe(chapters: readonly Chapter[], place: Place): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'api-transcript-'));
  const variables: Record<string, string> = {
    ...place.settings,
    ...PKCE,
    AUTH: place.issuer,
  };
  const lines: string[] = [];
  try {
    for (const { title, steps } of chapters) {
      lines.push(`### ${title}`, '');
      for (const step of steps) {
        const output = await perform(step, folder, variables);
        lines.push(`${step.say}:`, '', '```console', `$ ${step.run}`, output, '```', '');
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return readable(lines.join('\n').trimEnd(), {
    [place.issuer]: 'http://localhost:3000',
    [place.upstream]: 'https://accounts.google.example',
  });
}

async function perform(step: Step, folder: string, variables: Record<string, string>) {
  const output = await answerOf(step, folder, variables);
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(output)?.[1]);
  if (step.expect !== undefined && status !== step.expect) fail(step, `${step.expect}`, output);
  for (const [name, pattern] of Object.entries(step.keep ?? {})) {
    variables[name] = pattern.exec(output)?.[1] ?? fail(step, name, output);
  }
  return output;
}

async function answerOf(step: Step, folder: string, variables: Readonly<Record<string, string>>) {
  for (let attempt = 1; ; attempt += 1) {
    const output = await shell(step.run, folder, variables);
    if (step.until === undefined || step.until.test(output)) return output;
    if (attempt === ATTEMPTS) fail(step, String(step.until), output);
    await delay(100);
  }
}

function fail({ say, run }: Step, missing: string, output: string): never {
  throw new Error(`"${say}" has no ${missing} in its answer:\n$ ${run}\n${output}`);
}

async function shell(
  command: string,
  cwd: string,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const prelude = `npx() { shift; "${process.execPath}" "${PROGRAM}" "$@"; }`;
  const child = spawn('bash', ['-c', `${prelude}\n${command}`], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  // What commands log goes to no terminal, and is not what a reader would see.
  const said = stderr.replace(/^\{.*"actor":"cli".*\}\n/gm, '');
  return `${stdout}${said}`.replaceAll('\r', '').trim();
}
