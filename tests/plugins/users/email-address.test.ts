import { expect } from 'chai';
import {
  emailKey,
  parseEmailAddress,
  storedKey,
} from '../../../src/plugins/users/email-address.ts';

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
      key: 'ann.lee@example.com',
    });
  });

  /** Spellings of one address each. */
  const SAME: readonly (readonly string[])[] = [
    [
      'a@x.example',
      'A@X.example',
      ' a@x.example ',
      'ａ＠ｘ.example',
      'a@ⅹ.EXAMPLE',
      'a@ｘ｡example',
    ],
    [
      'a@münchen.example',
      'a@XN--MNCHEN-3YA.example',
      'a@MÜNCHEN.example',
      'A@mu\u0308nchen。example',
    ],
    ['ας@x.example', 'ΑΣ@x.example', 'ασ@x.example'],
    ['ΠΑΠΑΣ2@x.example', 'παπασ2@x.example', 'παπας2@x.example'],
    ['straße@x.example', 'STRASSE@x.example', 'STRAẞE@x.example', 'strasse@x.example'],
    ['a@straße.example', 'a@STRAẞE.example', 'a@xn--strae-oqa.example'],
    ['ﬃ@x.example', 'FFI@x.example'],
    ['ǅ@x.example', 'ǆ@x.example', 'Ǆ@x.example'],
  ];
  for (const spellings of SAME) {
    it(`SEC-20 B-09 B-22 has one key for ${spellings.join(', ')}`, () => {
      const keys = spellings.map((typed) => parseEmailAddress(typed)?.key);
      expect(new Set(keys).size).to.equal(1);
      expect(keys[0]).to.be.a('string');
    });
  }

  it('B-22 keeps apart what folding keeps apart', () => {
    const typed = ['ı@x.example', 'i@x.example', 'İ@x.example', 'a@ss.example', 'a@ß.example'];
    expect(new Set(typed.map(emailKey)).size).to.equal(typed.length);
    expect(emailKey('a@ας.example')).not.to.equal(emailKey('a@ασ.example'));
  });

  it('B-09 leaves a name that looks like a number alone, and refuses what DNS cannot have', () => {
    expect(emailKey('a@127.1')).to.equal('a@127.1');
    const long = `${'ü'.repeat(60)}.example`;
    for (const domain of [
      'xn--a.example',
      'xn--zzzzzz--.example',
      long,
      `${'a'.repeat(64)}.example`,
    ]) {
      expect(parseEmailAddress(`a@${domain}`), domain).to.equal(undefined);
      // Accounts of before keep theirs.
      expect(emailKey(`A@${domain}`), domain).to.equal(`a@${domain}`);
    }
  });

  it('B-09 B-22 has keys that are their own, which are stored where they say something new', () => {
    for (const typed of [
      ...SAME.flat(),
      'İ@example.com',
      'ẞ@example.com',
      'Å@example.com',
      'ΐ@x.example',
    ]) {
      const key = parseEmailAddress(typed)?.key ?? '';
      expect(emailKey(key), typed).to.equal(key).and.not.equal('');
    }
    const stored = (typed: string) => {
      const address = parseEmailAddress(typed);
      return address && storedKey(address);
    };
    expect(stored('Ann@Example.com')).to.equal(null);
    expect(stored('ann@xn--mnchen-3ya.example')).to.equal('ann@münchen.example');
    expect(stored('ann@münchen.example')).to.equal('ann@münchen.example');
  });

  it('SEC-92 takes no time for a hostile address', () => {
    const begin = performance.now();
    for (const part of ['a.', 'a-', '.', 'é']) parseEmailAddress(`${part.repeat(500_000)}@x`);
    expect(performance.now() - begin).to.be.below(1_000);
  });
});
