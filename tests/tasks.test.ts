import { mock } from 'node:test';
import { expect } from 'chai';
import type { Task } from '../src/kernel/plugin.ts';
import { startTasks } from '../src/tasks.ts';
import { createRecordingLog, silentLog } from './support/log.ts';

describe('tasks', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }));
  afterEach(() => mock.timers.reset());

  const counting = (every: number, work: () => Promise<void> = async () => undefined) => {
    const seen = { runs: 0 };
    const task: Task = {
      name: 'counting',
      every,
      run: () => {
        seen.runs += 1;
        return work();
      },
    };
    return { seen, task };
  };

  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('run at their intervals until they are stopped', async () => {
    const { seen, task } = counting(10);
    const stop = startTasks([task], silentLog);
    for (let turn = 0; turn < 3; turn += 1) {
      mock.timers.tick(10_000);
      await settled();
    }
    expect(seen.runs).to.equal(3);
    await stop();
    mock.timers.tick(60_000);
    expect(seen.runs).to.equal(3);
  });

  it('are never run twice at a time, and waited for at the end', async () => {
    const gate = Promise.withResolvers<void>();
    const { seen, task } = counting(1, () => gate.promise);
    const stop = startTasks([task], silentLog);
    mock.timers.tick(5_000);
    expect(seen.runs).to.equal(1);
    let stopped = false;
    const stopping = stop().then(() => {
      stopped = true;
    });
    await settled();
    expect(stopped).to.equal(false);
    gate.resolve();
    await stopping;
  });

  const failing: Record<string, () => Promise<void>> = {
    rejects: () => Promise.reject(new Error('no')),
    'throws at once': () => {
      throw new Error('no');
    },
  };
  for (const [what, work] of Object.entries(failing)) {
    it(`C7 one that ${what} is logged, and run again`, async () => {
      const log = createRecordingLog();
      const { seen, task } = counting(1, work);
      const stop = startTasks([task], log);
      for (let turn = 0; turn < 3; turn += 1) {
        mock.timers.tick(1_000);
        await settled();
      }
      await stop();
      expect(seen.runs).to.equal(3);
      const told = log.entries.map(({ fields }) => fields as { event: string; task: string });
      expect(told.map(({ event, task }) => [event, task])).to.deep.equal(
        Array(3).fill(['task.failed', 'counting']),
      );
    });
  }
});
