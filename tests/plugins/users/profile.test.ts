import { expect } from 'chai';
import { parseProfile } from '../../../src/plugins/users/profile.ts';

const pointersOf = (name: string): string[] =>
  parseProfile({ name }).errors.map(({ pointer }) => pointer);

describe('profile', () => {
  const refused: Readonly<Record<string, string>> = {
    NUL: 'Ann\0',
    'line breaks': 'Ann\r\nSet-Cookie: a=b',
    'U+202E': 'Ann \u202Eeel',
    'a lone surrogate': 'Ann \uDC00',
    'ten thousand combining marks': `A${'\u0301\u0302'.repeat(5_000)}`,
    'more than 128 characters': 'x'.repeat(129),
  };
  for (const [what, name] of Object.entries(refused)) {
    it(`SEC-91 refuses a name with ${what}`, () => {
      expect(pointersOf(name)).to.deep.equal(['#/name']);
    });
  }

  it('accepts names of any script', () => {
    const names = [
      "Ann O'Hara",
      'Nguyễn Thị Minh',
      'محمد',
      'נחמן',
      '李小龍',
      '👩‍💻 Ada',
      'x'.repeat(128),
    ];
    for (const name of names) expect(pointersOf(name), name).to.deep.equal([]);
  });

  it('keeps apart what was not said, what was taken back and what was said', () => {
    expect(parseProfile({}).profile).to.deep.equal({ name: undefined, locale: undefined });
    expect(parseProfile({ name: null, locale: null }).profile).to.deep.equal({
      name: null,
      locale: null,
    });
    expect(parseProfile({ name: ' ', locale: '' }).profile).to.deep.equal({
      name: null,
      locale: null,
    });
    expect(parseProfile({ name: ' Ann ', locale: 'PT-br' }).profile).to.deep.equal({
      name: 'Ann',
      locale: 'pt-BR',
    });
  });

  it('names every fault at its place', () => {
    const { errors } = parseProfile({ name: '\0', locale: 'no such_language' });
    expect(errors.map(({ pointer }) => pointer)).to.deep.equal(['#/name', '#/locale']);
  });
});
