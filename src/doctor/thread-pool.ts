/** `thread_pool`: whether signing finds a thread while passwords are hashed. */
import { type Diagnosis, type Finding, warning } from '../kernel/plugin.ts';

interface ThreadPool {
  /** Hashes that one process computes at once. */
  readonly slots: number;
  /** Threads that are to be left for all else. */
  readonly reserve: number;
  readonly processes: number;
  readonly cores: number;
  /** UV_THREADPOOL_SIZE; undefined when it is not set. */
  readonly given: string | undefined;
}

export const diagnoseThreadPool = (pool: ThreadPool): Diagnosis => ({
  name: 'thread_pool',
  check: async () => [...judgeSize(pool), ...judgeCores(pool)],
});

function judgeSize({ slots, reserve, given }: ThreadPool): Finding[] {
  const wanted = slots + reserve;
  if (given === undefined || Number(given) >= wanted) return [];
  const problem = `UV_THREADPOOL_SIZE=${given} is too small for ${slots} hashes at once and signing; "authsrv start" takes ${wanted} instead.`;
  return [warning(problem, `Remove UV_THREADPOOL_SIZE, or set it to ${wanted} or more.`)];
}

function judgeCores({ slots, processes, cores }: ThreadPool): Finding[] {
  if (slots * processes <= cores) return [];
  const problem = `${slots * processes} passwords may be hashed at once on ${cores} ${cores === 1 ? 'core' : 'cores'}: all else waits meanwhile.`;
  return [warning(problem, 'Lower HASH_SLOTS or WEB_CONCURRENCY.')];
}
