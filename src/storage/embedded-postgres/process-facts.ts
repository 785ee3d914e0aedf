/** What the operating system tells about other processes: since when they run, and what they run. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasErrorCode } from './error-code.ts';

const run = promisify(execFile);

/**
 * When the process started, as an opaque number: a reused pid has another one.
 * Undefined when no such process runs (a zombie does not run).
 */
export function processStart(pid: number): Promise<number | undefined> {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

/** The command line, its words parted by spaces; empty when no such process runs. */
export async function processCommand(pid: number): Promise<string> {
  if (process.platform !== 'linux') return ps(pid, 'command=');
  return (await readProc(pid, 'cmdline')).replaceAll('\0', ' ');
}

/** proc(5): field 3 is the state and field 22 the start in clock ticks since boot, which no clock change moves. */
async function startFromProc(pid: number): Promise<number | undefined> {
  const stat = await readProc(pid, 'stat');
  // The program's name, in parentheses, may hold anything, even parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === '' || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return Number(fields[19]);
}

async function startFromPs(pid: number): Promise<number | undefined> {
  const [state, ...started] = (await ps(pid, 'stat=,lstart=')).split(/\s+/);
  if (state === undefined || state === '' || state.startsWith('Z')) return undefined;
  return Date.parse(started.join(' ')) / 1000;
}

async function readProc(pid: number, file: 'stat' | 'cmdline'): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    // ESRCH: the process ended between open and read.
    if (hasErrorCode(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
}

/** ps ends with 1 when there is no such process. */
async function ps(pid: number, columns: string): Promise<string> {
  try {
    const { stdout } = await run('ps', ['-p', String(pid), '-o', columns], {
      env: { LC_ALL: 'C' },
    });
    return stdout.trim();
  } catch (error) {
    if (hasErrorCode(error, '1')) return '';
    throw error;
  }
}
