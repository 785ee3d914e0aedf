import { expect } from 'chai';
import { createEventBus, defineEvent, on } from '../../src/kernel/events.ts';

const Opened = defineEvent<{ door: string }>('door.opened');
const Closed = defineEvent<{ door: string }>('door.closed');

interface Fault {
  readonly plugin: string;
  readonly event: string;
  readonly error: unknown;
}

function createBus(timeout = 1000) {
  const faults: Fault[] = [];
  const bus = createEventBus({ timeout, onFault: (fault) => faults.push(fault) });
  return { bus, faults };
}

const messageOf = (fault: Fault | undefined): string =>
  fault?.error instanceof Error ? fault.error.message : 'none';

describe('events', () => {
  it('reach every listener of that event with the payload', async () => {
    const { bus, faults } = createBus();
    const heard: string[] = [];
    bus.subscribe(
      'one',
      on(Opened, ({ door }) => void heard.push(`one ${door}`)),
    );
    bus.subscribe(
      'two',
      on(Opened, async ({ door }) => void heard.push(`two ${door}`)),
    );
    bus.subscribe(
      'two',
      on(Closed, ({ door }) => void heard.push(`closed ${door}`)),
    );
    bus.emit(Opened, { door: 'front' });
    await bus.idle();
    expect(heard).to.have.members(['one front', 'two front']);
    expect(faults).to.deep.equal([]);
  });

  it('return before any listener has run', async () => {
    const { bus } = createBus();
    let heard = false;
    bus.subscribe(
      'one',
      on(Opened, () => {
        heard = true;
      }),
    );
    bus.emit(Opened, { door: 'front' });
    expect(heard).to.equal(false);
    await bus.idle();
    expect(heard).to.equal(true);
  });

  it('may have no listener at all', async () => {
    const { bus, faults } = createBus();
    bus.emit(Opened, { door: 'front' });
    await bus.idle();
    expect(faults).to.deep.equal([]);
  });

  for (const [how, handle] of [
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ] as const) {
    it(`a listener that ${how} is named and harms nobody else`, async () => {
      const { bus, faults } = createBus();
      const heard: string[] = [];
      bus.subscribe('broken', on(Opened, handle));
      bus.subscribe(
        'fine',
        on(Opened, ({ door }) => void heard.push(door)),
      );
      expect(() => bus.emit(Opened, { door: 'front' })).not.to.throw();
      await bus.idle();
      expect(heard).to.deep.equal(['front']);
      expect(faults).to.have.length(1);
      expect(faults[0]).to.include({ plugin: 'broken', event: 'door.opened' });
      expect(messageOf(faults[0])).to.equal('broken');
    });
  }

  it('a listener that hangs is given up after the timeout', async () => {
    const { bus, faults } = createBus(20);
    bus.subscribe(
      'stuck',
      on(Opened, () => new Promise(() => {})),
    );
    bus.emit(Opened, { door: 'front' });
    await bus.idle();
    expect(faults).to.have.length(1);
    expect(faults[0]).to.include({ plugin: 'stuck' });
    expect(messageOf(faults[0])).to.equal('timed out after 20 ms');
  });

  it('idle waits for what a listener emits itself', async () => {
    const { bus } = createBus();
    const heard: string[] = [];
    bus.subscribe(
      'one',
      on(Opened, ({ door }) => bus.emit(Closed, { door })),
    );
    bus.subscribe(
      'two',
      on(Closed, async ({ door }) => {
        await Promise.resolve();
        heard.push(door);
      }),
    );
    bus.emit(Opened, { door: 'front' });
    await bus.idle();
    expect(heard).to.deep.equal(['front']);
  });

  it('reach a listener once for every time it subscribed', async () => {
    const { bus } = createBus();
    let count = 0;
    const listener = on(Opened, () => {
      count += 1;
    });
    bus.subscribe('one', listener);
    bus.subscribe('one', listener);
    bus.emit(Opened, { door: 'front' });
    await bus.idle();
    expect(count).to.equal(2);
  });
});
