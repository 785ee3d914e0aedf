import { expect } from 'chai';
import type { Entry } from '../../../src/plugins/revocations/denylist.ts';
import { decodeEntries, encodeEntries } from '../../../src/plugins/revocations/messages.ts';

describe('revocation messages', () => {
  it('carry any number of entries in messages of at most 4,000 bytes', () => {
    const entries: Entry[] = Array.from({ length: 500 }, (_, index) => ({
      revocation:
        index % 2
          ? { sid: `${index}`.padStart(43, 'é') }
          : { sub: `${index}`, rolesVersion: index },
      at: 1_795_305_600_123.5 + index,
      until: 1_795_305_660_123.5 + index,
    }));
    const messages = encodeEntries(entries);
    expect(messages.flatMap((message) => decodeEntries(message, 1))).to.deep.equal(entries);
    const sizes = messages.map((message) => Buffer.byteLength(message));
    expect(Math.max(...sizes)).to.be.at.most(4_000);
    expect(Math.max(...sizes), 'and they are filled').to.be.greaterThan(3_800);
    expect(encodeEntries([])).to.deep.equal([]);
  });

  it('of a version before say no end: such entries are kept as long as this node keeps its own', () => {
    const [entry] = decodeEntries('[{"revocation":{"sid":"s"},"at":1000}]', 660_000);
    expect(entry).to.deep.equal({ revocation: { sid: 's' }, at: 1_000, until: 661_000 });
  });

  it('are refused when they are anything else', () => {
    const bad = ['', 'x', '{}', 'null', '[1]', '[{"revocation":{},"at":1}]'];
    bad.push('[{"revocation":{"sid":1},"at":1}]', '[{"revocation":{"sid":"s"}}]');
    bad.push('[{"revocation":{"sub":"u"},"at":1}]');
    for (const message of bad) expect(() => decodeEntries(message, 1), message).to.throw();
  });
});
