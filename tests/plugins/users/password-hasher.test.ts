import { randomBytes, randomUUID } from 'node:crypto';
import * as argon2 from '@node-rs/argon2';
import { expect } from 'chai';
import type { Random } from '../../../src/kernel/clock.ts';
import { createHashParameters } from '../../../src/plugins/users/hash-parameters.ts';
import { createHashQueue, type HashQueue } from '../../../src/plugins/users/hash-queue.ts';
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

function createHasher({ memoryKib = 256, passes = 1, pepper = '', stored = [] as string[] } = {}) {
  const users = { hashParameters: async () => stored };
  const parameters = createHashParameters(`m=${memoryKib},t=${passes},p=1`, users);
  const verified: string[] = [];
  const log = createRecordingLog();
  const hasher = createPasswordHasher({
    memoryKib,
    passes,
    peppers: parsePeppers(pepper || undefined),
    parameters,
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
  return { ...hasher, parameters, verified, log };
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

  describe('D11 SEC-15 where stored hashes have several parameters', () => {
    /** Parameters of the hashes that a check computes, in order. */
    const costOf = async (
      { verify, verified }: Pick<ReturnType<typeof createHasher>, 'verify' | 'verified'>,
      stored: string | null,
    ): Promise<string[]> => {
      verified.length = 0;
      await verify(stored, 'wrong');
      return verified.map((phc) => phc.split('$')[3] ?? '');
    };

    it('computes the same for each of them, and for nobody', async () => {
      const weak = await createHasher({ memoryKib: 128 }).hash('correct');
      const strong = await createHasher({ memoryKib: 256, passes: 2 }).hash('correct');
      const hasher = createHasher({
        memoryKib: 192,
        stored: ['m=128,t=1,p=1', 'm=256,t=2,p=1', 'not ours'],
      });
      await hasher.parameters.read();
      const today = await hasher.hash('correct');
      const all = ['m=128,t=1,p=1', 'm=192,t=1,p=1', 'm=256,t=2,p=1'];
      for (const stored of [weak, strong, today, null]) {
        expect(await costOf(hasher, stored), stored ?? 'nobody').to.deep.equal(all);
      }
      expect(await hasher.verify(weak, 'correct')).to.deep.equal({ matches: true, outdated: true });
      for (const stored of [strong, today]) {
        const verdict = { matches: true, outdated: false };
        expect(await hasher.verify(stored, 'correct')).to.deep.equal(verdict);
      }
    });

    it('learns those that it meets, and forgets those that nobody has any more', async () => {
      const weak = await createHasher({ memoryKib: 128 }).hash('correct');
      const hasher = createHasher({ memoryKib: 192 });
      expect(await costOf(hasher, null)).to.deep.equal(['m=192,t=1,p=1']);
      const both = ['m=128,t=1,p=1', 'm=192,t=1,p=1'];
      expect(await costOf(hasher, weak)).to.deep.equal(both);
      expect(await costOf(hasher, null)).to.deep.equal(both);
      await hasher.parameters.read();
      expect(await costOf(hasher, null)).to.deep.equal(['m=192,t=1,p=1']);
    });

    it('takes the right password, though a reading that knew it not came while it waited for its turn', async () => {
      const weak = await createHasher({ memoryKib: 128 }).hash('correct');
      const { parameters, log } = createHasher({ memoryKib: 192 });
      const queue: Pick<HashQueue, 'run'> = {
        async run(work) {
          await parameters.read();
          return work();
        },
      };
      const { verify } = createPasswordHasher({
        ...{ memoryKib: 192, passes: 1, peppers: [], random, log, queue, parameters },
      });
      expect((await verify(weak, 'correct')).matches).to.equal(true);
      expect((await verify(weak, 'wrong')).matches).to.equal(false);
    });

    it('takes one turn of the queue for all of them', async () => {
      const hasher = createHasher({ stored: ['m=128,t=1,p=1'] });
      await hasher.parameters.read();
      const log = createRecordingLog();
      let turns = 0;
      const queue: Pick<HashQueue, 'run'> = {
        run(work) {
          turns += 1;
          return work();
        },
      };
      const { verify } = createPasswordHasher({
        ...{ memoryKib: 256, passes: 1, peppers: [], random, log, queue },
        parameters: hasher.parameters,
      });
      await verify(null, 'wrong');
      expect(turns).to.equal(1);
    });
  });

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
