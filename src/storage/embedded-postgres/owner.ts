/** The process that started a PostgreSQL, as written into the name of its socket folder. */
import { processStart } from './process-facts.ts';

/** A `server` shares its PostgreSQL with commands; a `cli` command keeps it for itself until it ends. */
export type Role = 'server' | 'cli';

export interface Owner {
  readonly role: Role;
  readonly pid: number;
  /** Opaque, of `processStart`: tells a process from a later one with the same pid. */
  readonly started: number;
}

/** This process as an owner. */
export async function ownerOf(role: Role): Promise<Owner> {
  const started = await processStart(process.pid);
  if (started === undefined) throw new Error(`Cannot read the start time of pid ${process.pid}`);
  return { role, pid: process.pid, started };
}

/** Short, because the path of a socket may have 103 bytes: `server-4711-3f2a1`. */
export function ownerTag({ role, pid, started }: Owner): string {
  return `${role}-${pid}-${started.toString(36)}`;
}

/** The owner that a path names; undefined when none is in it. */
export function parseOwnerTag(path: string): Owner | undefined {
  const match = /(server|cli)-(\d+)-([0-9a-z]+)-[^-/]+$/.exec(path);
  if (match === null) return undefined;
  const [, role, pid, started] = match;
  return {
    role: role === 'server' ? 'server' : 'cli',
    pid: Number(pid),
    started: Number.parseInt(started ?? '', 36),
  };
}

export async function isOwnerAlive(owner: Owner): Promise<boolean> {
  return (await processStart(owner.pid)) === owner.started;
}
