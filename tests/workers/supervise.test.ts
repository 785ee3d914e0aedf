import { expect } from 'chai';
import { type Exit, superviseWorkers } from '../../src/workers/supervise.ts';
import { eventually } from '../support/eventually.ts';
import { createRecordingLog } from '../support/log.ts';

/** Workers that serve and end when a test says so, and a clock that it sets. */
function createStage({ count = 2, grace = 60_000, obeys = true } = {}) {
  const log = createRecordingLog();
  const lives: {
    number: number;
    ready(): void;
    end(exit: Exit): void;
    fail(error: Error): void;
    told: string[];
  }[] = [];
  const pauses: number[] = [];
  const state: { now: number; refusal?: Error } = { now: 0 };
  const supervisor = superviseWorkers({
    count,
    grace,
    log,
    now: () => state.now,
    sleep: async (milliseconds) => {
      pauses.push(milliseconds);
    },
    fork(number) {
      const { refusal } = state;
      delete state.refusal;
      if (refusal) throw refusal;
      const ready = Promise.withResolvers<void>();
      const exited = Promise.withResolvers<Exit>();
      const told: string[] = [];
      const { resolve: end, reject: fail } = exited;
      lives.push({ number, ready: ready.resolve, end, fail, told });
      return {
        pid: 1000 + lives.length,
        ready: ready.promise,
        exited: exited.promise,
        terminate: () => {
          told.push('terminate');
          if (obeys) exited.resolve({ code: 0, signal: null });
        },
        kill: () => {
          told.push('kill');
          exited.resolve({ code: null, signal: 'SIGKILL' });
        },
      };
    },
  });
  supervisor.ready.catch(() => undefined);
  const numbers = () => lives.map(({ number }) => number);
  const alive = (count: number) => eventually(() => expect(lives).to.have.lengthOf(count));
  const start = async (): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      await alive(index === 0 ? 1 : count);
      lives[index]?.ready();
    }
    await supervisor.ready;
  };
  return { log, lives, pauses, state, supervisor, numbers, alive, start };
}

const crash: Exit = { code: null, signal: 'SIGSEGV' };

describe('supervision of workers', () => {
  it('starts the first alone, then the others; ready when all serve', async () => {
    const { lives, numbers, alive, supervisor } = createStage({ count: 3 });
    let isReady = false;
    void supervisor.ready.then(() => {
      isReady = true;
    });
    await alive(1);
    lives[0]?.ready();
    await alive(3);
    expect(numbers()).to.deep.equal([1, 2, 3]);
    lives[1]?.ready();
    await new Promise(setImmediate);
    expect(isReady).to.equal(false);
    lives[2]?.ready();
    await supervisor.ready;
    expect(await supervisor.stop()).to.equal(true);
  });

  it('gives up when the first one ends before it serves', async () => {
    const { lives, alive, supervisor } = createStage();
    await alive(1);
    lives[0]?.end({ code: 1, signal: null });
    const failure = await supervisor.ready.then(
      () => undefined,
      (error: Error) => error.name,
    );
    expect(failure).to.equal('CommandError');
    await supervisor.stop();
    expect(lives).to.have.lengthOf(1);
  });

  it('replaces one that ends by itself, under its number, and says so', async () => {
    const { lives, numbers, alive, start, log, supervisor } = createStage();
    await start();
    lives[1]?.end(crash);
    await alive(3);
    expect(numbers()).to.deep.equal([1, 2, 2]);
    const exits = log.entries.filter(({ level }) => level === 'error');
    expect(exits.map(({ fields }) => fields)).to.deep.equal([
      { event: 'worker.exited', worker: 2, exit_code: null, signal: 'SIGSEGV', pause: 1000 },
    ]);
    await supervisor.stop();
  });

  it('tries again when there is no room for a new one, and says so', async () => {
    const { lives, alive, start, pauses, state, log, supervisor } = createStage({ count: 1 });
    await start();
    state.refusal = new Error('spawn ENOMEM');
    lives[0]?.end(crash);
    await alive(2);
    lives[1]?.fail(new Error('spawn EAGAIN'));
    await alive(3);
    expect(pauses).to.deep.equal([1000, 2000, 4000]);
    const failures = log.entries
      .map(({ fields }) => fields as { event?: string; err?: Error })
      .filter(({ event }) => event === 'worker.not_started');
    expect(failures.map(({ err }) => err?.message)).to.deep.equal(['spawn ENOMEM', 'spawn EAGAIN']);
    expect(await supervisor.stop()).to.equal(true);
  });

  it('waits longer each time, and no longer once one has lasted', async () => {
    const { lives, alive, start, pauses, state, supervisor } = createStage({ count: 1 });
    await start();
    for (let life = 1; life <= 7; life += 1) {
      lives[life - 1]?.end(crash);
      await alive(life + 1);
    }
    expect(pauses).to.deep.equal([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    state.now += 60_001;
    lives[7]?.end(crash);
    await alive(9);
    expect(pauses.at(-1)).to.equal(1000);
    await supervisor.stop();
  });

  it('a stop ends all and replaces none', async () => {
    const { lives, start, supervisor } = createStage();
    await start();
    const [first, second] = await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect([first, second]).to.deep.equal([true, true]);
    expect(lives.map(({ told }) => told[0])).to.deep.equal(['terminate', 'terminate']);
    expect(lives).to.have.lengthOf(2);
  });

  it('a stop before they serve ends them as well', async () => {
    const { alive, lives, supervisor } = createStage();
    await alive(1);
    expect(await supervisor.stop()).to.equal(true);
    await supervisor.ready;
    expect(lives).to.have.lengthOf(1);
  });

  it('kills who does not end in time, and tells that it was not clean', async () => {
    const { lives, start, supervisor } = createStage({ grace: 1, obeys: false });
    await start();
    expect(await supervisor.stop()).to.equal(false);
    expect(lives.map(({ told }) => told)).to.deep.equal(Array(2).fill(['terminate', 'kill']));
  });
});
