import { randomBytes, randomUUID } from 'node:crypto';
import * as argon2 from '@node-rs/argon2';
import { expect } from 'chai';
import type { Random } from '../../../src/kernel/clock.ts';
import { createHashQueue } from '../../../src/plugins/users/hash-queue.ts';
import { createPasswordHasher } from '../../../src/plugins/users/password-hasher.ts';
import { parsePeppers } from '../../../src/plugins/users/pepper.ts';
import { systemClock } from '../../../src/system.ts';
import { createRecordingLog } from '../../support/log.ts';

const random: Random = {
  bytes: randomBytes,
  token: (count = 32) => randomBytes(count).toString('base64url'),
  uuid: randomUUID,
};
const FIRST = 'first-pepper-of-more-than-32-characters';
const SECOND = 'second-pepper-of-more-than-32-characters';

function createHasher({ memoryKib = 256, passes = 1, pepper = '' } = {}) {
  const verified: string[] = [];
  const log = createRecordingLog();
  const hasher = createPasswordHasher({
    memoryKib,
    passes,
    peppers: parsePeppers(pepper || undefined),
    queue: createHashQueue({ slots: 2, waiting: 100, patience: 60_000, clock: systemClock, log }),
    random,
    log,
    argon2: {
      ...argon2,
      verify: (phc, ...rest) => {
        verified.push(String(phc));
        return argon2.verify(phc, ...rest);
      },
    },
  });
  return { ...hasher, verified, log };
}

const saltOf = (stored: string): Buffer => Buffer.from(stored.split('$').at(-2) ?? '', 'base64');

describe('password hasher', () => {
  it('SEC-7 stores an argon2id PHC string with a random salt of 16 bytes', async () => {
    const hasher = createHasher({ memoryKib: 19_456, passes: 2 });
    const stored = await Promise.all([hasher.hash('correct'), hasher.hash('correct')]);
    for (const phc of stored) {
      expect(phc).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
      expect(saltOf(phc)).to.have.lengthOf(16);
    }
    expect(stored[0]).to.not.equal(stored[1]);
  });

  it('tells the right password from a wrong one', async () => {
    const hasher = createHasher();
    const stored = await hasher.hash('correct');
    expect(await hasher.verify(stored, 'correct')).to.deep.equal({
      matches: true,
      outdated: false,
    });
    expect(await hasher.verify(stored, 'Correct')).to.deep.equal({
      matches: false,
      outdated: false,
    });
  });

  it('SEC-2 does not cut long passwords off', async () => {
    const hasher = createHasher();
    const password = randomBytes(192).toString('base64');
    const stored = await hasher.hash(password);
    for (const position of [72, 199, 255]) {
      const other = `${password.slice(0, position)}~${password.slice(position + 1)}`;
      expect((await hasher.verify(stored, other)).matches, `at ${position}`).to.equal(false);
    }
    expect((await hasher.verify(stored, password)).matches).to.equal(true);
  });

  it('SEC-4 takes composed and decomposed characters for the same', async () => {
    const hasher = createHasher();
    const stored = await hasher.hash('caf\u00E9 \uFB01ne');
    expect((await hasher.verify(stored, 'cafe\u0301 fine')).matches).to.equal(true);
    expect((await hasher.verify(stored, 'cafe fine')).matches).to.equal(false);
  });

  it('SEC-7 finds hashes outdated once parameters were raised, not when lowered', async () => {
    const old = createHasher({ memoryKib: 256, passes: 1 });
    const stored = await old.hash('correct');
    for (const raised of [{ memoryKib: 512 }, { passes: 2 }]) {
      const now = createHasher(raised);
      expect(await now.verify(stored, 'correct')).to.deep.equal({ matches: true, outdated: true });
      expect(await now.verify(stored, 'wrong')).to.deep.equal({ matches: false, outdated: false });
    }
    const lowered = createHasher({ memoryKib: 128 });
    expect((await lowered.verify(stored, 'correct')).outdated).to.equal(false);
  });

  for (const stored of [undefined, null]) {
    it(`SEC-15 computes a hash with the current parameters for ${stored}`, async () => {
      const hasher = createHasher({ memoryKib: 320, passes: 3 });
      expect(await hasher.verify(stored, '')).to.deep.equal({ matches: false, outdated: false });
      expect(hasher.verified).to.have.lengthOf(1);
      expect(argon2.parseOptions(hasher.verified[0] ?? '')).to.include({
        algorithm: 2,
        memoryCost: 320,
        timeCost: 3,
        parallelism: 1,
        outputLen: 32,
        saltLen: 16,
      });
    });
  }

  describe('SEC-8 pepper', () => {
    it('is needed to verify, and is not in what is stored', async () => {
      const peppered = createHasher({ pepper: FIRST });
      const stored = await peppered.hash('correct');
      expect(stored)
        .to.match(/^[0-9a-f]{8}\$argon2id\$/)
        .and.not.contain('pepper');
      expect((await peppered.verify(stored, 'correct')).matches).to.equal(true);
      const bare = stored.slice(8);
      expect((await createHasher().verify(bare, 'correct')).matches).to.equal(false);
    });

    it('is introduced and rotated at the next sign-in', async () => {
      const plain = await createHasher().hash('correct');
      const first = createHasher({ pepper: FIRST });
      expect(await first.verify(plain, 'correct')).to.deep.equal({ matches: true, outdated: true });

      const withFirst = await first.hash('correct');
      const both = createHasher({ pepper: `${SECOND},${FIRST}` });
      const match = { matches: true, outdated: true };
      expect(await both.verify(withFirst, 'correct')).to.deep.equal(match);
      const withSecond = await both.hash('correct');
      expect((await both.verify(withSecond, 'correct')).outdated).to.equal(false);
      expect(withSecond.slice(0, 8)).to.not.equal(withFirst.slice(0, 8));
    });

    it('that is gone lets nobody in and is reported', async () => {
      const stored = await createHasher({ pepper: FIRST }).hash('correct');
      const { verify, verified, log } = createHasher({ pepper: SECOND });
      expect((await verify(stored, 'correct')).matches).to.equal(false);
      expect(verified).to.have.lengthOf(1);
      expect(log.entries).to.deep.equal([
        {
          level: 'error',
          fields: { event: 'pepper.missing', pepper_id: stored.slice(0, 8) },
          message: 'PASSWORD_PEPPER lacks the pepper of a hash',
        },
      ]);
    });
  });
});
