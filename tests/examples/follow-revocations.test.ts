import { expect } from 'chai';
import { createDenylist } from '../../examples/async-api/denylist.ts';
import { type Following, followRevocations } from '../../examples/async-api/follow-revocations.ts';
import { eventually } from '../support/eventually.ts';

/** A clock that stands still until it is told; whoever sleeps wakes up then. */
function createTiming() {
  const sleepers: { at: number; wake: () => void }[] = [];
  return {
    time: 1_800_000_000_000,
    slept: [] as number[],
    now() {
      return this.time;
    },
    random: () => 1,
    sleep(milliseconds: number): Promise<void> {
      this.slept.push(milliseconds);
      return new Promise((wake) => sleepers.push({ at: this.time + milliseconds, wake }));
    },
    pass(milliseconds: number): void {
      this.time += milliseconds;
      for (const { at, wake } of sleepers) if (at <= this.time) wake();
    },
  };
}

/** A connection to the server, which the test writes into. */
interface Connection {
  readonly lastEventId: string | undefined;
  readonly signal: AbortSignal;
  send(text: string): void;
  end(): void;
}

describe('examples/async-api, following revocations', () => {
  let timing: ReturnType<typeof createTiming>;
  let connections: Connection[];
  let failures: unknown[];
  let refusal: Error | undefined;
  let denylist: ReturnType<typeof createDenylist>;
  let following: Following;

  beforeEach(() => {
    timing = createTiming();
    connections = [];
    failures = [];
    refusal = undefined;
    denylist = createDenylist(() => timing.now());
    following = followRevocations({
      open: async (lastEventId, signal) => {
        if (refusal) throw refusal;
        return connect(lastEventId, signal);
      },
      denylist,
      timing: {
        now: () => timing.now(),
        sleep: (milliseconds) => timing.sleep(milliseconds),
        random: timing.random,
      },
      onFailure: (error) => failures.push(error),
    });
  });
  afterEach(() => following.stop());

  function connect(lastEventId: string | undefined, signal: AbortSignal): ReadableStream {
    return new ReadableStream<Uint8Array>({
      start(controller) {
        signal.addEventListener('abort', () => {
          try {
            controller.error(signal.reason);
          } catch {
            // The stream was over before.
          }
        });
        const send = (text: string) => controller.enqueue(new TextEncoder().encode(text));
        connections.push({ lastEventId, signal, send, end: () => controller.close() });
      },
    });
  }

  const connection = async (number: number): Promise<Connection> => {
    await eventually(() => connections.length >= number);
    return connections[number - 1] as Connection;
  };
  const READY = 'id: 7-0\nevent: ready\ndata: {"id":"7-0"}\n\n';
  const ended = (id: string, sid: string) => `id: ${id}\ndata: {"id":"${id}","sid":"${sid}"}\n\n`;
  const denies = (sid: string): boolean =>
    denylist.denies({ sub: 'u', jti: 'j', sid, gid: undefined, rolesVersion: 0 });
  const isCurrent = () => following.isCurrent();

  it('is not current before everything of the past has been told', async () => {
    const one = await connection(1);
    expect(one.lastEventId).to.equal(undefined);
    expect(isCurrent()).to.equal(false);
    one.send(`retry: 1000\n\n${ended('3-1', 's1')}`);
    await eventually(() => denies('s1'));
    expect(isCurrent()).to.equal(false);
    one.send(READY);
    await eventually(isCurrent);
  });

  it('reads events however the network cuts them up', async () => {
    const one = await connection(1);
    for (const letter of READY + ended('8-2', 's2')) one.send(letter);
    await eventually(() => denies('s2'));
    expect(denies('s3')).to.equal(false);
  });

  it('is current for 30 s after the last sign of life, then not; and again with the next', async () => {
    const one = await connection(1);
    one.send(READY);
    await eventually(isCurrent);
    timing.pass(15_000);
    one.send(': heartbeat\n\n');
    // Told in order: once this one has arrived, the heartbeat has.
    one.send(ended('8-2', 's2'));
    await eventually(() => denies('s2'));
    timing.pass(29_999);
    expect(isCurrent()).to.equal(true);
    timing.pass(1);
    expect(isCurrent()).to.equal(false);

    await eventually(() => one.signal.aborted);
    await eventually(() => failures.length === 1);
    timing.pass(250);
    const two = await connection(2);
    expect(two.lastEventId, 'and goes on from there').to.equal('8-2');
    expect(isCurrent()).to.equal(false);
    two.send(READY);
    await eventually(isCurrent);
  });

  it('comes back soon when the server ends the stream, with a new token', async () => {
    const one = await connection(1);
    one.send(READY);
    await eventually(isCurrent);
    one.end();
    await eventually(() => timing.slept.includes(250));
    timing.pass(250);
    const two = await connection(2);
    expect(two.lastEventId).to.equal('7-0');
    expect(isCurrent(), 'nothing was missed for long').to.equal(true);
    expect(failures).to.deep.equal([]);
  });

  it('tries less and less often while the server refuses, and soon again once it has worked', async () => {
    const one = await connection(1);
    one.send(READY);
    await eventually(isCurrent);
    refusal = new Error('503');
    one.end();
    const pauses = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
    for (const [index, pause] of pauses.entries()) {
      await eventually(() => failures.length === index);
      await eventually(() => timing.slept.filter((slept) => slept <= 15_000).length > index);
      timing.pass(pause);
    }
    expect(timing.slept.filter((slept) => slept <= 15_000).slice(0, 8)).to.deep.equal(pauses);
    await eventually(() => failures.length === pauses.length);
    expect(isCurrent()).to.equal(false);
    refusal = undefined;
    await eventually(() => timing.slept.filter((slept) => slept <= 15_000).length > pauses.length);
    timing.pass(15_000);
    const two = await connection(2);
    two.send(READY);
    await eventually(isCurrent);
    const before = timing.slept.length;
    two.end();
    await eventually(() => timing.slept.slice(before).includes(250));
  });

  it('stops when told', async () => {
    const one = await connection(1);
    following.stop();
    await eventually(() => one.signal.aborted);
    expect(failures).to.deep.equal([]);
  });
});
