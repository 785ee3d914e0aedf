/** Runs what plugins want done again and again. */
import type { Log, Task } from './kernel/plugin.ts';

/**
 * Every task from its first interval on; never twice at a time, and without keeping the process alive. A task that
 * throws is logged and runs again. The returned function stops all and waits for the ones under way.
 */
export function startTasks(tasks: readonly Task[], log: Log): () => Promise<void> {
  const running = new Map<Task, Promise<void>>();

  const run = async (task: Task): Promise<void> => {
    try {
      await task.run();
    } catch (error) {
      log.warn({ event: 'task.failed', task: task.name, err: error }, 'a task failed');
    } finally {
      running.delete(task);
    }
  };

  const timers = tasks.map((task) =>
    setInterval(() => {
      if (!running.has(task)) running.set(task, run(task));
    }, task.every * 1000).unref(),
  );
  return async () => {
    for (const timer of timers) clearInterval(timer);
    await Promise.all(running.values());
  };
}
