import { mock } from 'node:test';
import { expect } from 'chai';
import { StoreUnavailable } from '../../../src/kernel/store.ts';
import { createLostRotations } from '../../../src/plugins/grants/lost-rotations.ts';
import { createRecordingLog } from '../../support/log.ts';

const LOST = { grantId: 'grant', from: 3, salt: 'salt' };
const INTERVAL = 500;
const IN_FLIGHT = 6_000;

describe('lost rotations (I1)', () => {
  let now: number;
  let calls: string[];
  let answer: () => boolean;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    now = 0;
    calls = [];
    answer = () => true;
  });
  afterEach(() => mock.timers.reset());

  const create = () => {
    const log = createRecordingLog();
    const grants = {
      async takeBack(id: string, from: number, salt: string): Promise<boolean> {
        calls.push(`${id} ${from} ${salt}`);
        return answer();
      },
    };
    return { log, lost: createLostRotations({ grants, clock: { now: () => now }, log }) };
  };

  const pass = async (milliseconds: number): Promise<void> => {
    for (let step = 0; step < milliseconds; step += INTERVAL) {
      now += INTERVAL;
      mock.timers.tick(INTERVAL);
      for (let turn = 0; turn < 5; turn += 1) await new Promise((done) => setImmediate(done));
    }
  };

  it('are taken back once PostgreSQL answers again', async () => {
    const { lost } = create();
    answer = () => {
      throw new StoreUnavailable('away');
    };
    lost.add(LOST);
    await pass(30_000);
    answer = () => true;
    await pass(1_000);
    const before = calls.length;
    expect(new Set(calls)).to.deep.equal(new Set(['grant 3 salt']));
    await pass(10_000);
    expect(calls.length).to.equal(before);
  });

  it('are tried for as long as the statement may still be executed', async () => {
    const { lost } = create();
    answer = () => false;
    lost.add(LOST);
    await pass(IN_FLIGHT - INTERVAL);
    answer = () => true;
    await pass(INTERVAL);
    const before = calls.length;
    await pass(10_000);
    expect([before, calls.length]).to.deep.equal([IN_FLIGHT / INTERVAL, IN_FLIGHT / INTERVAL]);
  });

  it('that never happened are forgotten', async () => {
    const { lost } = create();
    answer = () => false;
    lost.add(LOST);
    await pass(60_000);
    expect(calls.length).to.equal(IN_FLIGHT / INTERVAL);
  });

  it('are settled before their grant is judged, and a failure says so', async () => {
    const { lost } = create();
    lost.add(LOST);
    await lost.takeBack('another');
    expect(calls).to.deep.equal([]);
    answer = () => {
      throw new StoreUnavailable('away');
    };
    const failure = await lost.takeBack('grant').catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(StoreUnavailable);
    answer = () => true;
    await lost.takeBack('grant');
    await lost.takeBack('grant');
    expect(calls).to.have.length(2);
  });

  it('give up, loudly, on what cannot be taken back', async () => {
    const { lost, log } = create();
    answer = () => {
      throw new Error('broken');
    };
    lost.add(LOST);
    await pass(5_000);
    expect(calls).to.have.length(1);
    expect(log.entries.map(({ level }) => level)).to.deep.equal(['error']);
  });

  it('are tried once more at the stop', async () => {
    const { lost } = create();
    lost.add(LOST);
    await lost.stop();
    expect(calls).to.have.length(1);
  });
});
