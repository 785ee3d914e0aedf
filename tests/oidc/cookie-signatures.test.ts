import { expect } from 'chai';
import { createCookieSignatures } from '../../src/oidc/cookie-signatures.ts';

const DATA = 'session=abc';
/** What Keygrip 1.1.0 makes of it with each of the two keys. */
const BY_NEWEST = '3ndWKvaRhmZlHDZXTAs4FPD1yqc';
const BY_OLDER = 's0Iugrtrh4FpN4ivxr6ULGKW5Rk';

describe('signatures of cookies', () => {
  const signatures = createCookieSignatures(['a-key-of-a-test', 'an-older-key']);

  it('are those that Keygrip makes', () => {
    expect(signatures.sign(DATA)).to.equal(BY_NEWEST);
    expect(signatures.index(DATA, BY_NEWEST)).to.equal(0);
    expect(signatures.index(DATA, BY_OLDER)).to.equal(1);
    expect(signatures.verify(DATA, BY_OLDER)).to.equal(true);
  });

  for (const [what, signature] of [
    ['none', ''],
    ['another', BY_NEWEST.replace('3', '4')],
    ['a longer one', `${BY_NEWEST}AA`],
    ['a shorter one', BY_NEWEST.slice(0, -4)],
    ['another spelling of the same bytes', `${BY_NEWEST}=`],
    ['one that differs in bits that no byte has', `${BY_NEWEST.slice(0, -1)}d`],
  ] as const) {
    it(`SEC-26 ${what} does not pass`, () => {
      expect(signatures.verify(DATA, signature)).to.equal(false);
    });
  }

  it('need a key', () => {
    expect(() => createCookieSignatures([])).to.throw('key');
  });
});
