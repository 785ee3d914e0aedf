import { expect } from 'chai';
import { ProblemError } from '../../../src/kernel/problem.ts';
import type { Admit } from '../../../src/kernel/route.ts';
import { createHashQueue, type QueueOptions } from '../../../src/plugins/users/hash-queue.ts';
import { eventually } from '../../support/eventually.ts';
import { createRecordingLog, silentLog } from '../../support/log.ts';

const createQueue = (limits: Pick<QueueOptions, 'slots' | 'waiting'> & Partial<QueueOptions>) =>
  createHashQueue({ patience: 5000, clock: { now: () => 0 }, log: silentLog, ...limits });

/** Work that begins when it gets a slot and ends when it is told. */
function createWork(queue: Admit) {
  const begun: number[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const add = (number: number): Promise<number> =>
    queue(async () => {
      begun.push(number);
      const end = Promise.withResolvers<void>();
      ends[number] = end;
      await end.promise;
      return number;
    });
  return { begun, add, end: (number: number) => ends[number] };
}

const busy = async (work: Promise<unknown>): Promise<ProblemError> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof ProblemError) return error;
    throw error;
  }
  throw new Error('It was not refused');
};

describe('hash queue', () => {
  it('runs as many as there are slots, then in the order of arrival', async () => {
    const { begun, add, end } = createWork(createQueue({ slots: 2, waiting: 2 }).run);
    const all = [0, 1, 2, 3].map(add);
    await eventually(() => expect(begun).to.deep.equal([0, 1]));
    end(1)?.resolve();
    await eventually(() => expect(begun).to.deep.equal([0, 1, 2]));
    end(0)?.resolve();
    await eventually(() => expect(begun).to.deep.equal([0, 1, 2, 3]));
    end(2)?.resolve();
    end(3)?.resolve();
    expect(await Promise.all(all)).to.deep.equal([0, 1, 2, 3]);
  });

  it('refuses the next one with 503 and says when to come back', async () => {
    const { add, end, begun } = createWork(createQueue({ slots: 1, waiting: 1 }).run);
    const first = add(0);
    const second = add(1);
    const { problem } = await busy(add(2));
    expect(problem.type).to.equal('urn:problem:users:busy');
    expect(problem.status).to.equal(503);
    expect(problem.retryAfter).to.be.at.least(1);
    await eventually(() => expect(begun).to.deep.equal([0]));
    end(0)?.resolve();
    await first;
    await eventually(() => expect(begun).to.deep.equal([0, 1]));
    end(1)?.resolve();
    await second;
  });

  it('never runs more than there are slots, however long it is used', async () => {
    const queue = createQueue({ slots: 2, waiting: 100 }).run;
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
    };
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(Array.from({ length: 20 }, () => queue(work)));
    }
    expect(most).to.equal(2);
  });

  it('gives the slot of failed work to the next', async () => {
    const queue = createQueue({ slots: 1, waiting: 1 }).run;
    const failed = queue(() => Promise.reject(new Error('failed'))).catch((e: Error) => e.message);
    const next = queue(async () => 'done');
    expect(await Promise.all([failed, next])).to.deep.equal(['failed', 'done']);
    expect(await queue(async () => 'again')).to.equal('again');
  });

  it('works without a line', async () => {
    const queue = createQueue({ slots: 1, waiting: 0 }).run;
    const work = Promise.withResolvers<void>();
    const first = queue(() => work.promise);
    await busy(queue(async () => undefined));
    work.resolve();
    await first;
    expect(await queue(async () => 1)).to.equal(1);
  });

  it('sends away who waited for too long, and computes nothing for them', async () => {
    let now = 0;
    const queue = createQueue({ slots: 1, waiting: 9, patience: 1000, clock: { now: () => now } });
    const { begun, add, end } = createWork(queue.run);
    const first = add(0);
    const late = [add(1), add(2)].map(busy);
    await eventually(() => expect(queue.waiting()).to.equal(2));
    now = 600;
    const inTime = add(3);
    await eventually(() => expect(queue.waiting()).to.equal(3));
    now = 1001;
    end(0)?.resolve();
    for (const { problem } of await Promise.all(late)) expect(problem.status).to.equal(503);
    await eventually(() => expect(begun).to.deep.equal([0, 3]));
    end(3)?.resolve();
    expect(await Promise.all([first, inTime])).to.deep.equal([0, 3]);
    expect(queue.refused()).to.equal(2);
    expect(await queue.run(async () => 'free again')).to.equal('free again');
  });

  it('admits as many as have room, before they need a slot', async () => {
    const queue = createQueue({ slots: 1, waiting: 1 });
    const end = Promise.withResolvers<void>();
    const admitted = [1, 2].map(() => queue.admit(() => end.promise));
    let isBegun = false;
    await busy(
      queue.admit(async () => {
        isBegun = true;
      }),
    );
    expect(isBegun).to.equal(false);
    end.resolve();
    await Promise.all(admitted);
    expect(await queue.admit(async () => 'room again')).to.equal('room again');
    expect(queue.refused()).to.equal(1);
  });

  it('logs once that it is full, however many it refuses, and once that it is not any more', async () => {
    const log = createRecordingLog();
    const queue = createQueue({ slots: 1, waiting: 1, log });
    const ends = [1, 2].map(() => Promise.withResolvers<void>());
    const admitted = ends.map(({ promise }) => queue.admit(() => promise));
    for (let count = 0; count < 5; count += 1) await busy(queue.admit(async () => undefined));
    expect(log.entries.map(({ fields }) => fields)).to.deep.equal([{ event: 'hashing.full' }]);
    for (const { resolve } of ends) resolve();
    await Promise.all(admitted);
    expect(log.entries.map(({ level, fields }) => [level, fields])).to.deep.equal([
      ['warn', { event: 'hashing.full' }],
      ['info', { event: 'hashing.recovered' }],
    ]);
  });
});
