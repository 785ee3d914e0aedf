/** The side of a worker. */
import cluster from 'node:cluster';
import { isMessage, type Message } from './messages.ts';

export interface ThisWorker {
  readonly peers: {
    readonly number: string;
    /** What this worker says when any of them gathers. */
    share(part: () => Promise<string>): void;
    /** What all of them say. */
    gather(): Promise<readonly string[]>;
  };
  /** It serves. */
  tellReady(): void;
  /** Nothing keeps the process alive any longer that is not its own. */
  leave(): void;
}

/** `number`: which of the workers it is. Undefined in a process that `createForking` did not start. */
export function createThisWorker(number: string | undefined): ThisWorker | undefined {
  const { worker } = cluster;
  if (number === undefined || worker === undefined) return undefined;
  const waiting = new Map<number, (parts: readonly string[]) => void>();
  let questions = 0;
  let share: () => Promise<string> = async () => '';
  const send = (message: Message): void => void worker.send(message, () => undefined);

  worker.on('message', (message: unknown) => {
    if (isMessage(message, 'ask')) {
      void share().then((part) => send({ kind: 'part', id: message.id, part }));
    } else if (isMessage(message, 'gathered')) {
      waiting.get(message.id)?.(message.parts);
      waiting.delete(message.id);
    }
  });

  return {
    peers: {
      number,
      share(part) {
        share = part;
      },
      gather: () =>
        new Promise((resolve) => {
          questions += 1;
          waiting.set(questions, resolve);
          send({ kind: 'gather', id: questions });
        }),
    },
    tellReady: () => send({ kind: 'ready' }),
    leave: () => worker.disconnect(),
  };
}
