import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { loadCommonPasswords } from '../../../src/plugins/users/common-passwords.ts';
import { serviceWords } from '../../../src/plugins/users/context-words.ts';
import { createPasswordBlocklist } from '../../../src/plugins/users/password-blocklist.ts';
import { createPasswordPolicy } from '../../../src/plugins/users/password-policy.ts';

const blocklist = createPasswordBlocklist(loadCommonPasswords);
const words = serviceWords(new URL('https://login.acme-widgets.example:8443/sso'));
const ANN = { email: 'ann.shirley@example.com', name: 'Ann Shirley-Cuthbert' };

const check = (password: string, minLength = 12, context = {}): Promise<readonly string[]> =>
  createPasswordPolicy({ minLength, blocklist, serviceWords: words }).check(password, context);

async function expectRefused(passwords: readonly string[], minLength = 12): Promise<void> {
  const accepted: string[] = [];
  for (const password of passwords) {
    if ((await check(password, minLength, ANN)).length === 0) accepted.push(password);
  }
  expect(accepted, 'accepted').to.deep.equal([]);
}

async function expectAccepted(passwords: readonly string[], minLength = 12): Promise<void> {
  for (const password of passwords) {
    expect(await check(password, minLength, ANN), password).to.deep.equal([]);
  }
}

/** Of characters that make no pattern. */
const text = (length: number): string =>
  'wet otter hums a psalm; vexed bishop quits job? '
    .repeat(9)
    .slice(0, length - 1)
    .padEnd(length, 'k');

describe('password policy', () => {
  it('loads its words again after they could not be loaded', async () => {
    let loads = 0;
    const { isCommon } = createPasswordBlocklist(async () => {
      loads += 1;
      if (loads === 1) throw new Error('EMFILE: too many open files');
      return ['wet otter hums'];
    });
    const outcome = await isCommon('wet otter hums', 12).catch((error: Error) => error.message);
    expect(outcome).to.include('EMFILE');
    expect(await isCommon('wet otter hums', 12)).to.equal(true);
    expect(await isCommon('wet otter hums', 12)).to.equal(true);
    expect(loads).to.equal(2);
  });

  it('SEC-1 counts code points: the minimum is enough, one less is not', async () => {
    for (const minLength of [8, 12, 15]) {
      const enough = text(minLength);
      expect(await check(enough, minLength)).to.deep.equal([]);
      expect(await check(enough.slice(1), minLength)).to.deep.equal([
        `The password needs at least ${minLength} characters.`,
      ]);
    }
    await expectAccepted(['🦦🎹🌶🧭🪁🦉🧲🎻🪴🛶🧵🥁']);
    expect(await check('🦦🎹🌶🧭🪁🦉🧲🎻🪴🛶🧵')).to.deep.equal([
      'The password needs at least 12 characters.',
    ]);
  });

  it('SEC-1 accepts 64 and 256 characters, refuses 257', async () => {
    const unlike = randomBytes(300).toString('base64');
    await expectAccepted([
      unlike.slice(0, 64),
      unlike.slice(0, 256),
      '🦦'.concat(unlike).slice(0, 257),
    ]);
    const tooLong = 'The password can have at most 256 characters.';
    expect(await check(unlike.slice(0, 257))).to.deep.equal([tooLong]);
    expect(await check(unlike.repeat(10_000))).to.deep.equal([tooLong]);
  });

  it('SEC-3 accepts characters of any kind', async () => {
    await expectAccepted([
      'pelicanvoucherz',
      '  spaces   everywhere  ',
      'PELICAN VOUCHER MINT',
      '84620917352846',
      'пеликан ваучер мята',
      '鵜飼いの提灯が川面を照らしている',
      'Tr0ub4dor&3-is-fine',
    ]);
  });

  it('SEC-4 counts and checks after NFKC', async () => {
    expect(await check('e\u0301'.repeat(11))).to.deep.equal([
      'The password needs at least 12 characters.',
    ]);
    await expectRefused(['ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ']);
  });

  it('SEC-91 refuses a lone surrogate', async () => {
    expect(await check(`${text(20)}\uD800`)).to.deep.equal([
      'The password is not valid Unicode text.',
    ]);
  });

  it('SEC-5 knows more than 3000 common passwords', async () => {
    const listed = [...new Set(await loadCommonPasswords())];
    const long = listed.filter((word) => word.length >= 15);
    expect(listed.length).to.be.above(50_000);
    expect(long.length).to.be.above(1_000);
    const sampled = long.filter((_, index) => index % Math.floor(long.length / 50) === 0);
    expect(sampled.length).to.be.at.least(50);
    await expectRefused(sampled, 15);
    await expectRefused(listed.filter((word) => word.length >= 8).slice(0, 2_000), 8);
  });

  it('SEC-5 knows them in other case and with additions', async () => {
    await expectRefused([
      'PassWordStandard',
      'Sunshine2024',
      'sunshine!!!!',
      '!!Superman1987',
      'Manchester-United',
      'manchesterunited1!',
      'Correct Horse Battery Staple',
      'password1234567890',
      'qwerty!1234567890',
      'l e t m e i n p l e a s e',
    ]);
  });

  it('SEC-5 refuses patterns', async () => {
    await expectRefused([
      ...[
        'aaaaaaaaaaaa',
        'abababababab',
        'passwordpassword',
        'hunterhunterhunter',
        '🦦'.repeat(20),
      ],
      ...['xk7xk7xk7xk7', 'pelicanpelican', 'zebrazebrazeb', 'blumenkohlblumenkohl'],
      ...['passworddrowssap', 'pelicannacilep', 'aabbabababba'],
      ...['abcdefghijkl', 'zyxwvutsrqpon', '123456789012', '987654321098', 'abc123def456'],
      ...['qwertyuiop[]', 'asdfghjkl;zxcvbnm', 'poiuytrewqlkj', 'QWERTYuiop123', '1qaz2wsx3edc'],
      ...['!QAZ2wsx#EDC', 'zaq12wsxcde3', '1q2w3e4r5t6y', 'a1b2c3d4e5f6', 'qazwsxedcrfv'],
      ...['qwertzuiopü+', 'azertyuiopqs', 'йцукенгшщзхъ', '147258369147', '112233445566'],
      ...['1-2-3-4-5-6-7-8', 'a.b.c.d.e.f.g.h'],
    ]);
  });

  it('accepts what only looks like it', async () => {
    await expectAccepted([
      'remarkable annual report',
      'password is the worst choice ever made',
      'my sunshine duo plays at nine',
      'otter9381 47#2250',
      'cat 93#8124-77123',
      'we were deeper there before',
      'dessert stressed, not mirrored',
      'qwerty keyboards came from Milwaukee',
    ]);
  });

  it('accepts whatever a generator draws', async () => {
    const drawn = Array.from({ length: 500 }, () => [
      randomBytes(12).toString('base64url'),
      randomBytes(16).toString('hex'),
      [...randomBytes(14)].map((byte) => String.fromCharCode(97 + (byte % 26))).join(''),
    ]);
    await expectAccepted(drawn.flat());
  });

  describe('SEC-6 context words', () => {
    const refused: Readonly<Record<string, readonly string[]>> = {
      'your e-mail address': [
        'ann.shirley@example.com',
        'x7-ANN.SHIRLEY@EXAMPLE.COM-9k',
        'annshirley2024',
        'my a.n.n-shirley pw',
      ],
      'your name': ['Cuthbert4711!', '++shirley++9381Q', 'Cuthbert & Shirley'],
      'the name of this service': [
        'auth service 7781',
        'AuthService!2024',
        'login.acme-widgets.example',
        'acmewidgets9317',
      ],
    };
    for (const [what, passwords] of Object.entries(refused)) {
      it(`refuses ${what}`, async () => {
        for (const password of passwords) {
          expect(await check(password, 12, ANN), password).to.deep.equal([
            `The password contains ${what}: others would try that first.`,
          ]);
        }
      });
    }

    it('refuses a short word only when little stands around it', async () => {
      const bo = { email: 'bo@example.com', name: 'Bo Li' };
      expect(await check('2024!!!bo!!!2024', 12, bo)).to.have.lengthOf(1);
      expect(await check('a boat made of linen', 12, bo)).to.deep.equal([]);
    });

    it('needs no context', async () => {
      expect(await check(text(20), 12, {})).to.deep.equal([]);
      const local = serviceWords(new URL('http://127.0.0.1:3000'));
      expect(local.map(({ squeezed }) => squeezed)).to.deep.equal(['authservice']);
    });
  });

  it('SEC-92 decides about a hostile password in a moment', async () => {
    await check(text(20));
    const begin = performance.now();
    for (const unit of ['a', 'ab', '1', '!', 'aab', '\u0301'])
      await check(unit.repeat(256).slice(0, 256));
    expect(performance.now() - begin).to.be.below(1_000);
  });
});
