import { expect } from 'chai';
import { stopPlugins } from '../src/stop-plugins.ts';
import { startTasks } from '../src/tasks.ts';
import { eventually } from './support/eventually.ts';
import { createRecordingLog } from './support/log.ts';

const never = (): Promise<never> => new Promise(() => undefined);

describe('the end of plugins', () => {
  it('comes in reverse order, also when one throws and one hangs; both are named', async () => {
    const log = createRecordingLog();
    const ended: string[] = [];
    const stop = (plugin: string, value: () => Promise<void>) => ({
      plugin,
      value: () => {
        ended.push(plugin);
        return value();
      },
    });
    const stops = [
      stop('first', async () => undefined),
      stop('hangs', never),
      stop('throws', async () => {
        throw new Error('no');
      }),
      stop('last', async () => undefined),
    ];
    await stopPlugins(stops, log, 5);
    expect(ended).to.deep.equal(['last', 'throws', 'hangs', 'first']);
    const named = log.entries.map(({ fields }) => (fields as { plugin: string }).plugin);
    expect(named).to.deep.equal(['throws', 'hangs']);
  });
});

describe('a task that hangs', () => {
  it('is named at each turn, delays no other task, and the end for a bounded time only', async () => {
    const log = createRecordingLog();
    let runs = 0;
    const every = 0.005;
    const other = async (): Promise<void> => {
      runs += 1;
    };
    const tasks = [
      { name: 'acme.hangs', every, run: never },
      { name: 'acme.works', every, run: other },
    ];
    const stop = startTasks(tasks, log, 5);
    await eventually(() => log.entries.length >= 2 && runs >= 2);
    await stop();
    const fields = log.entries.map((entry) => entry.fields);
    const late = { event: 'task.late', task: 'acme.hangs' };
    expect(fields).to.deep.equal(fields.map(() => late));
  });
});
