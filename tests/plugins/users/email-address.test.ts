import { expect } from 'chai';
import { parseEmailAddress } from '../../../src/plugins/users/email-address.ts';

const REFUSED: Readonly<Record<string, string>> = {
  nothing: '',
  'no @': 'ann.example.com',
  'two @': 'ann@evil.example@example.com',
  'a second @ in full width (CVE-2026-73420)': 'ann@evil.example＠example.com',
  'a comma list (CVE-2022-35924)': 'ann@example.com,bob@example.com',
  'a semicolon list': 'ann@example.com;bob@example.com',
  'a list by spaces': 'ann@example.com bob@example.com',
  'no local part': '@example.com',
  'no domain': 'ann@',
  'a space inside': 'an n@example.com',
  'a display name': 'Ann <ann@example.com>',
  'a quoted local part': '"a@b"@example.com',
  'a comment': 'ann(comment)@example.com',
  'an address literal': 'ann@[127.0.0.1]',
  NUL: 'ann\0@example.com',
  'a line break': 'ann@example.com\r\nBcc: bob@example.com',
  'a control character': 'ann\u0007@example.com',
  'U+202E, which turns the text around': 'ann\u202E@example.com',
  'a zero-width space': 'ann\u200B@example.com',
  'a lone surrogate': 'ann\uD800@example.com',
  'a leading dot': '.ann@example.com',
  'two dots in a row': 'a..nn@example.com',
  'an empty label': 'ann@example..com',
  'a label with a leading hyphen': 'ann@-example.com',
  'a local part of 65 octets': `${'a'.repeat(65)}@example.com`,
  'a local part of 65 octets in 33 characters': `${'é'.repeat(33)}@example.com`,
  'more than 254 octets': `ann@${'a.'.repeat(130)}com`,
  'ten thousand combining marks': `ann${'\u0301'.repeat(10_000)}@example.com`,
};

describe('e-mail address', () => {
  for (const [what, typed] of Object.entries(REFUSED)) {
    it(`SEC-91 CVE-2026-40574 refuses ${what}`, () =>
      expect(parseEmailAddress(typed)).to.equal(undefined));
  }

  it('accepts what people have', () => {
    const typed = [
      'ann@example.com',
      "o'hara+tag@mail.example.co.uk",
      'a@b',
      'admin@localhost',
      'jörg@bücher.example',
      'δοκιμή@παράδειγμα.example',
      `${'a'.repeat(64)}@example.com`,
    ];
    for (const address of typed) {
      expect(parseEmailAddress(address)?.address, address).to.equal(address);
    }
  });

  it('keeps the spelling and trims it', () => {
    expect(parseEmailAddress('  Ann.Lee@Example.COM\n')).to.deep.equal({
      address: 'Ann.Lee@Example.COM',
      canonical: 'ann.lee@example.com',
    });
  });

  it('SEC-20 gives every spelling of one address the same canonical form', () => {
    const spellings = [
      'a@x.example',
      'A@X.example',
      ' a@x.example ',
      'ａ＠ｘ.example',
      'a@ⅹ.EXAMPLE',
    ];
    const canonical = spellings.map((typed) => parseEmailAddress(typed)?.canonical);
    expect(new Set(canonical)).to.deep.equal(new Set(['a@x.example']));
  });

  it('has canonical forms that are their own', () => {
    for (const typed of ['İ@example.com', 'ẞ@example.com', 'Å@example.com', 'ﬃ@example.com']) {
      const canonical = parseEmailAddress(typed)?.canonical ?? '';
      expect(parseEmailAddress(canonical)?.canonical, typed).to.equal(canonical).and.not.equal('');
    }
  });

  it('SEC-92 takes no time for a hostile address', () => {
    const begin = performance.now();
    for (const part of ['a.', 'a-', '.', 'é']) parseEmailAddress(`${part.repeat(500_000)}@x`);
    expect(performance.now() - begin).to.be.below(1_000);
  });
});
