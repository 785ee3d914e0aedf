import { Writable } from 'node:stream';
import { expect } from 'chai';
import { createCommandLog } from '../../src/cli/command-log.ts';

/** The levels of the lines that reach standard error, one of each having been logged. */
function levelsOf(level: string, isTTY: boolean): string[] {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(...String(chunk).trim().split('\n'));
      done();
    },
  });
  const log = createCommandLog(level, Object.assign(stream, { isTTY }));
  for (const one of ['debug', 'info', 'warn', 'error'] as const) log[one]({ event: one }, one);
  const logged = lines.map((line) => JSON.parse(line) as { level: string; actor: string });
  expect(logged.every(({ actor }) => actor === 'cli')).to.equal(true);
  return logged.map(({ level: written }) => written);
}

describe('log of commands', () => {
  it('SEC-82 changes and errors go to whoever keeps standard error', () => {
    expect(levelsOf('info', false)).to.deep.equal(['info', 'error']);
  });

  it('a person at a terminal sees errors only', () => {
    expect(levelsOf('info', true)).to.deep.equal(['error']);
  });

  it('LOG_LEVEL decides where somebody has set it', () => {
    expect(levelsOf('debug', true)).to.deep.equal(['debug', 'info', 'warn', 'error']);
    expect(levelsOf('warn', false)).to.deep.equal(['warn', 'error']);
    expect(levelsOf('error', false)).to.deep.equal(['error']);
  });
});
