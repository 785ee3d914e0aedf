/** Runs what plugins want done again and again. */
import type { Log, Task } from './kernel/plugin.ts';
import { within } from './storage/within.ts';

/** Milliseconds that a task under way has to end when the server stops. */
const PATIENCE = 5_000;

/**
 * Every task from its first interval on; never twice at a time, and without keeping the process alive. A task that
 * throws is logged and runs again; one that hangs is named at each of its turns and harms no other. The returned
 * function stops all and waits for those under way, for 5 s at most.
 */
export function startTasks(
  tasks: readonly Task[],
  log: Log,
  patience = PATIENCE,
): () => Promise<void> {
  const running = new Map<Task, Promise<void>>();

  const run = async (task: Task): Promise<void> => {
    try {
      await task.run();
    } catch (error) {
      log.warn({ event: 'task.failed', task: task.name, err: error }, 'a task failed');
    }
  };

  const tellLate = ({ name }: Task): void =>
    log.warn({ event: 'task.late', task: name }, 'a task has not ended yet');

  const timers = tasks.map((task) =>
    setInterval(() => {
      if (running.has(task)) tellLate(task);
      // Deleted by what follows the run: one that throws at once has ended before it is in the map.
      else
        running.set(
          task,
          run(task).finally(() => running.delete(task)),
        );
    }, task.every * 1000).unref(),
  );
  return async () => {
    for (const timer of timers) clearInterval(timer);
    if (await within(Promise.all(running.values()), patience)) return;
    for (const task of running.keys()) tellLate(task);
  };
}
