/** Other processes that use a data directory, and what is left of them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Role } from '../../src/storage/embedded-postgres/owner.ts';
import { eventually } from './eventually.ts';

const run = promisify(execFile);
const PROGRAM = path.join(import.meta.dirname, 'embedded-postgres-process.ts');

interface Event {
  readonly event: 'ready' | 'acknowledged' | 'failed';
  readonly id?: number;
  readonly owned?: boolean;
  readonly host?: string;
  readonly message?: string;
}

export interface EmbeddedPostgresChild {
  readonly pid: number;
  /** What it has said so far. */
  readonly events: readonly Event[];
  /** The last event of a kind, awaited. */
  saying(event: Event['event']): Promise<Event>;
  kill(): Promise<void>;
  /** Ends a `hold`; resolves with the exit code. */
  end(): Promise<number>;
  readonly exited: Promise<number>;
}

/** `hold` stays until `end`, `query` ends by itself, `insert` adds rows until it is killed. */
export function spawnEmbeddedPostgres(
  dataDir: string,
  role: Role,
  task: 'hold' | 'query' | 'insert',
): EmbeddedPostgresChild {
  const child = spawn(process.execPath, [PROGRAM, dataDir, role, task], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const events: Event[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => events.push(JSON.parse(line)));
  const exited = exitCode(child);
  const last = (event: Event['event']) => events.findLast((one) => one.event === event);
  return {
    pid: child.pid ?? 0,
    events,
    exited,
    async saying(event) {
      await eventually(() => last(event) !== undefined, 15_000);
      return last(event) as Event;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    end() {
      child.stdin.end();
      return exited;
    },
  };
}

async function exitCode(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 128;
}

/** The processes whose command line names the folder: PostgreSQL, initdb and their guards. */
export async function processesOn(folder: string): Promise<{ pid: number; command: string }[]> {
  const { stdout } = await run('ps', ['-A', '-ww', '-o', 'pid=,args=']);
  return stdout
    .split('\n')
    .filter((line) => line.includes(folder) && !line.includes(PROGRAM))
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim() }));
}
