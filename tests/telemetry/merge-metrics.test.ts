import { expect } from 'chai';
import { createMetrics } from '../../src/telemetry/metrics.ts';

describe('metrics of several processes', () => {
  it('are one text: each metric once, each series with the number of its process', async () => {
    const parts: (() => Promise<string>)[] = [];
    const all = ['1', '2'].map((number) =>
      createMetrics({
        number,
        share: (part) => void parts.push(part),
        gather: () => Promise.all(parts.map((part) => part())),
      }),
    );
    for (const one of all) one.happened('session.started');
    all[1]?.happened('session.started');
    const { body } = (await all[0]?.text()) ?? {};
    for (const one of all) one.close();
    const lines = body?.split('\n') ?? [];
    expect(lines.filter((line) => line.includes('event="session.started"'))).to.deep.equal([
      'auth_events_total{event="session.started",worker="1"} 1',
      'auth_events_total{event="session.started",worker="2"} 2',
    ]);
    const types = lines.filter((line) => line.startsWith('# TYPE'));
    expect(types).to.deep.equal([...new Set(types)]);
    expect(types.length).to.be.above(20);
    expect(body).to.match(/[^\n]\n$/);
  });
});
