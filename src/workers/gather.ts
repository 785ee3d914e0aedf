/** The side of the process that started the workers, when one of them asks what all have to say. */
import { isMessage, type Message } from './messages.ts';

/** The way to a worker. */
export interface Channel {
  /** Never throws: a worker that is gone hears nothing. */
  send(message: Message): void;
  /** The returned function ends it. */
  listen(listener: (message: unknown) => void): () => void;
}

export interface Gathering {
  /** Answers this worker whenever it asks. */
  serve(worker: Channel): void;
}

/** `patience`: milliseconds that a worker has to say its part; one that does not is left out. */
export function createGathering(all: () => readonly Channel[], patience: number): Gathering {
  let questions = 0;

  const partOf = (worker: Channel, id: number): Promise<string | undefined> => {
    const part = Promise.withResolvers<string | undefined>();
    const late = setTimeout(part.resolve, patience, undefined);
    const unlisten = worker.listen((message) => {
      if (isMessage(message, 'part') && message.id === id) part.resolve(message.part);
    });
    worker.send({ kind: 'ask', id });
    return part.promise.finally(() => {
      clearTimeout(late);
      unlisten();
    });
  };

  const gather = async (): Promise<string[]> => {
    questions += 1;
    const id = questions;
    const parts = await Promise.all(all().map((worker) => partOf(worker, id)));
    return parts.filter((part) => part !== undefined);
  };

  return {
    serve(worker) {
      worker.listen((message) => {
        if (!isMessage(message, 'gather')) return;
        void gather().then((parts) => worker.send({ kind: 'gathered', id: message.id, parts }));
      });
    },
  };
}
