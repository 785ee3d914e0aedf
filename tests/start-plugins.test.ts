import { expect } from 'chai';
import { PluginError } from '../src/kernel/plugin.ts';
import { startPlugins } from '../src/start-plugins.ts';
import { createRecordingLog } from './support/log.ts';

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('the start of plugins', () => {
  const setUp = () => {
    const calls: string[] = [];
    const log = createRecordingLog();
    const late = Promise.withResolvers<void>();
    const call = (name: string) => async () => void calls.push(name);
    const hanging = {
      plugin: 'hangs',
      start: () => late.promise,
      stop: call('hangs.stop'),
    };
    const after = { plugin: 'after', start: call('after.start'), stop: undefined };
    const onBegin = (plugin: string): void => void calls.push(`${plugin} begins`);
    return { calls, log, late, hanging, after, onBegin };
  };

  it('C10 one that hangs is given up and named; no other starts, and one that comes late is stopped', async () => {
    const { calls, log, late, hanging, after, onBegin } = setUp();
    const error = await failureOf(startPlugins([hanging, after], onBegin, { log, patience: 5 }));
    expect(error).to.be.instanceOf(PluginError);
    expect((error as Error).message).to.equal('Plugin "hangs" did not start within 0.005 s');
    const told = log.entries.map(({ fields }) => fields);
    expect(told).to.deep.equal([{ event: 'plugin.start_failed', plugin: 'hangs', err: error }]);
    expect(calls).to.deep.equal(['hangs begins']);
    late.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).to.deep.equal(['hangs begins', 'hangs.stop']);
  });

  it('C10 a signal ends the waiting, and lets no other start', async () => {
    const { calls, log, hanging, after, onBegin } = setUp();
    const stopping = new AbortController();
    const starting = startPlugins([hanging, after], onBegin, { log, signal: stopping.signal });
    const reason = new Error('stopped');
    stopping.abort(reason);
    expect(await failureOf(starting)).to.equal(reason);
    expect(calls).to.deep.equal(['hangs begins']);
    const { signal } = stopping;
    expect(await failureOf(startPlugins([after], onBegin, { log, signal }))).to.equal(reason);
    expect(calls).to.deep.equal(['hangs begins']);
  });

  it('C10 one that answers no promise has started', async () => {
    const { calls, log, after, onBegin } = setUp();
    const plain = { plugin: 'plain', start: () => undefined as never, stop: undefined };
    await startPlugins([plain, after], onBegin, { log });
    expect(calls).to.deep.equal(['plain begins', 'after begins', 'after.start']);
  });
});
