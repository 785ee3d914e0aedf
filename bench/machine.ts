/** What Linux tells and decides of processes: their CPU time, their memory, the cores they may use. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Microseconds of one tick of /proc: USER_HZ is 100 on every Linux that Node runs on. */
const TICK = 10_000;

/** Microseconds of CPU that all threads of a process have used, in user and kernel mode. */
export async function cpuMicros(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in brackets, which may hold blanks; utime and stime are the 14th and 15th.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

/** Megabytes of memory now and at most so far. */
export async function memoryOf(pid: number): Promise<{ resident: number; peak: number }> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024;
  return { resident: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}

export interface Cores {
  readonly count: number;
  /** Whether servers have a core that neither the load nor the stores use. */
  readonly separate: boolean;
  /** Gives a process to the servers' core, all its threads; core 1 is the second server's. */
  pin(pid: number, core?: number): Promise<void>;
  /** Gives a process the whole machine. */
  free(pid: number): Promise<void>;
}

/**
 * The servers' core is the first; everything else, this process and what it starts from now on, has the others.
 * Without `taskset` or a second core nobody is pinned.
 */
export async function shareCores(): Promise<Cores> {
  const count = availableParallelism();
  const set = (pid: number, cores: string) => run('taskset', ['-a', '-c', '-p', cores, `${pid}`]);
  const separate =
    count > 1 &&
    (await set(process.pid, `1-${count - 1}`).then(
      () => true,
      () => false,
    ));
  return {
    count,
    separate,
    async pin(pid, core = 0) {
      if (separate) await set(pid, String(core));
    },
    async free(pid) {
      if (separate) await set(pid, `0-${count - 1}`);
    },
  };
}
