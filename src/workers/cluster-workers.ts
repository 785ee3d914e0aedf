/** Workers as Node's cluster makes them: processes that share the ports they listen on. */
import cluster, { type Worker as ClusterWorker } from 'node:cluster';
import { once } from 'node:events';
import { type Channel, createGathering } from './gather.ts';
import { isMessage } from './messages.ts';
import type { Exit, Worker } from './supervise.ts';

/** Milliseconds that a busy worker may take to say its part of the metrics. */
const PATIENCE = 2000;

/** A function that starts one, with this environment on top of ours. */
export function createForking(): (environment: Readonly<Record<string, string>>) => Worker {
  const gathering = createGathering(
    () => Object.values(cluster.workers ?? {}).flatMap((one) => (one ? [channelOf(one)] : [])),
    PATIENCE,
  );
  return (environment) => {
    const worker = cluster.fork(environment);
    gathering.serve(channelOf(worker));
    const ready = Promise.withResolvers<void>();
    worker.on('message', (message: unknown) => {
      if (isMessage(message, 'ready')) ready.resolve();
    });
    return {
      pid: worker.process.pid ?? 0,
      ready: ready.promise,
      exited: exitOf(worker),
      // Not `worker.kill()`, which would take its connections away first.
      terminate: () => void worker.process.kill('SIGTERM'),
      kill: () => void worker.process.kill('SIGKILL'),
    };
  };
}

const channelOf = (worker: ClusterWorker): Channel => ({
  send: (message) => void worker.send(message, () => undefined),
  listen(listener) {
    worker.on('message', listener);
    return () => void worker.off('message', listener);
  },
});

async function exitOf(worker: ClusterWorker): Promise<Exit> {
  const [code, signal] = (await once(worker, 'exit')) as [number | null, string | null];
  return { code, signal };
}
