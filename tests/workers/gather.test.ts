import { expect } from 'chai';
import { type Channel, createGathering } from '../../src/workers/gather.ts';
import type { Message } from '../../src/workers/messages.ts';

/** A worker at the other end of a channel, which answers `ask` as it is told. */
function createWorker(part: string | undefined) {
  const listeners = new Set<(message: unknown) => void>();
  const received: Message[] = [];
  const say = (message: unknown): void => {
    for (const listener of listeners) listener(message);
  };
  const channel: Channel = {
    send(message) {
      received.push(message);
      if (message.kind === 'ask' && part !== undefined) say({ kind: 'part', id: message.id, part });
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return { channel, received, say, listeners };
}

describe('what all workers have to say', () => {
  it('is gathered for the one that asks, without those that do not answer', async () => {
    const workers = [createWorker('one'), createWorker('two'), createWorker(undefined)];
    const all = workers.map(({ channel }) => channel);
    const gathering = createGathering(() => all, 20);
    const [asking] = workers;
    if (asking === undefined) throw new Error('no worker');
    gathering.serve(asking.channel);
    const answered = new Promise<Message>((resolve) => {
      const { send } = asking.channel;
      asking.channel.send = (message) => {
        send(message);
        if (message.kind === 'gathered') resolve(message);
      };
    });
    asking.say('a message of somebody else');
    asking.say({ kind: 'gather', id: 7 });
    expect(await answered).to.deep.equal({ kind: 'gathered', id: 7, parts: ['one', 'two'] });
    expect(workers.map(({ listeners }) => listeners.size)).to.deep.equal([1, 0, 0]);
  });
});
