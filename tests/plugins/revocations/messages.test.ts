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
    }));
    const messages = encodeEntries(entries);
    expect(messages.flatMap(decodeEntries)).to.deep.equal(entries);
    const sizes = messages.map((message) => Buffer.byteLength(message));
    expect(Math.max(...sizes)).to.be.at.most(4_000);
    expect(Math.max(...sizes), 'and they are filled').to.be.greaterThan(3_800);
    expect(encodeEntries([])).to.deep.equal([]);
  });

  it('are refused when they are anything else', () => {
    const bad = ['', 'x', '{}', 'null', '[1]', '[{"revocation":{},"at":1}]'];
    bad.push('[{"revocation":{"sid":1},"at":1}]', '[{"revocation":{"sid":"s"}}]');
    bad.push('[{"revocation":{"sub":"u"},"at":1}]');
    for (const message of bad) expect(() => decodeEntries(message), message).to.throw();
  });
});
