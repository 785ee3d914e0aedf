import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { ProblemError } from '../../../src/kernel/problem.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import {
  createUsersFixture,
  newEmail,
  PASSWORD,
  problemOf,
  type UsersFixture,
} from './users-fixture.ts';

interface PasswordRow {
  readonly password_hash: string | null;
}

describe('users', () => {
  let test: TestDatabase;
  let fixture: UsersFixture;

  before(async () => {
    test = await createTestDatabase({ poolSize: 8 });
    fixture = createUsersFixture({ db: test.database });
  });
  after(() => test.drop());

  const register = async (email = newEmail()) =>
    fixture.service.register({ email, password: PASSWORD });
  const hashOf = async (id: string): Promise<string | null | undefined> => {
    const statement = { name: 'test-hash', text: 'SELECT password_hash FROM users WHERE id = $1' };
    return (await test.database.query<PasswordRow>(statement, [id]))[0]?.password_hash;
  };
  const setHash = (id: string, hash: string | null) =>
    test.database.query(
      { name: 'test-set-hash', text: 'UPDATE users SET password_hash = $2 WHERE id = $1' },
      [id, hash],
    );

  describe('register', () => {
    it('makes a user and tells so once', async () => {
      const email = ` ${newEmail().replace('user', 'User')} `;
      const registration = { email, password: PASSWORD, name: ' Ann ', locale: 'pt-br' };
      const user = await fixture.service.register(registration);
      expect(user).to.deep.include({
        email: email.trim(),
        emailVerified: false,
        name: 'Ann',
        locale: 'pt-BR',
        rolesVersion: 1,
        disabledAt: null,
        deletingAt: null,
        createdAt: new Date(fixture.clock.now()),
      });
      expect(user.id).to.match(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-/);
      expect(user).to.not.have.any.keys('password', 'password_hash', 'passwordHash');
      expect(await fixture.service.find(user.id)).to.deep.equal(user);
      expect(await fixture.service.findByEmail(email.toUpperCase())).to.deep.equal(user);
      const told = fixture.events.emitted.filter(
        ([name, payload]) =>
          name === 'user.registered' && (payload as { userId: string }).userId === user.id,
      );
      expect(told).to.have.lengthOf(1);
    });

    it('keeps names empty that were not given', async () => {
      expect(await register()).to.include({ name: null, locale: null });
    });

    it('refuses an address that is taken, in any spelling', async () => {
      const { email } = await register();
      expect(await problemOf(register(email))).to.equal('users:email-taken');
      expect(await problemOf(register(email.toUpperCase()))).to.equal('users:email-taken');
    });

    it('I3 makes one of 100 users who register one address at once', async () => {
      const email = newEmail();
      const before = fixture.events.emitted.length;
      const spellings = Array.from({ length: 100 }, (_, index) =>
        [...email].map((c, at) => ((index >> (at % 7)) & 1 ? c.toUpperCase() : c)).join(''),
      );
      const outcomes = await Promise.all(
        spellings.map((spelling) => problemOf(register(spelling))),
      );
      expect(outcomes.filter((outcome) => outcome === 'no problem')).to.have.lengthOf(1);
      expect(outcomes.filter((outcome) => outcome === 'users:email-taken')).to.have.lengthOf(99);
      expect(fixture.events.emitted.length - before).to.equal(1);
    });

    const faults: Readonly<Record<string, [object, string, string]>> = {
      'SEC-91 two addresses': [{ email: 'a@x.example,b@x.example' }, 'invalid-email', '#/email'],
      'SEC-1 a short password': [{ password: 'short' }, 'password-rejected', '#/password'],
      'SEC-5 a common password': [
        { password: 'manchesterunited' },
        'password-rejected',
        '#/password',
      ],
      'SEC-91 a name with NUL': [{ name: 'Ann\0' }, 'invalid-profile', '#/name'],
      'a locale that is none': [{ locale: '??' }, 'invalid-profile', '#/locale'],
    };
    for (const [what, [part, type, pointer]] of Object.entries(faults)) {
      it(`${what}: 400 at ${pointer}`, async () => {
        const registration = { email: newEmail(), password: PASSWORD, ...part };
        const error = await fixture.service.register(registration).catch((e: unknown) => e);
        if (!(error instanceof ProblemError)) throw error;
        expect(error.problem).to.include({ status: 400, type: `urn:problem:users:${type}` });
        expect(error.details.errors?.map((fault) => fault.pointer)).to.deep.equal([pointer]);
        expect(await fixture.service.findByEmail(registration.email)).to.equal(undefined);
      });
    }

    it('SEC-6 a password built on the own address or name', async () => {
      const email = `marilla-${randomUUID().slice(0, 6)}@example.com`;
      const registrations = [
        { email, password: `x9 ${email} x9` },
        { email, password: 'Blythe 1890!!!', name: 'Gilbert Blythe' },
        { email, password: 'auth service pw' },
      ];
      for (const registration of registrations) {
        expect(await problemOf(fixture.service.register(registration))).to.equal(
          'users:password-rejected',
        );
      }
    });

    it('hashes also when the address is taken', async () => {
      const kinds: string[] = [];
      const { service } = createUsersFixture({
        db: test.database,
        onHash: (kind) => void kinds.push(kind),
      });
      const { email } = await service.register({ email: newEmail(), password: PASSWORD });
      await problemOf(service.register({ email, password: PASSWORD }));
      expect(kinds).to.deep.equal(['hash', 'hash']);
    });
  });

  describe('authenticate', () => {
    it('finds the user of the address in any spelling', async () => {
      const user = await register();
      const found = await fixture.service.authenticate(` ${user.email.toUpperCase()} `, PASSWORD);
      expect(found).to.deep.equal(user);
    });

    it('SEC-14 SEC-15 CVE-2026-23511 gives the same answer after the same work, whatever is wrong', async () => {
      const work: string[] = [];
      const onHash = (kind: string): void => void work.push(kind);
      const { service } = createUsersFixture({ db: test.database, onHash });
      const [right, disabled, passwordless] = [
        await register(),
        await register(),
        await register(),
      ];
      await fixture.service.disable(disabled.id);
      await setHash(passwordless.id, null);

      const attempts: Readonly<Record<string, [string, string]>> = {
        'wrong password': [right.email, 'wrong'],
        'empty password': [right.email, ''],
        unknown: [newEmail(), PASSWORD],
        'no address at all': ['nobody', PASSWORD],
        'NUL in the address': ['ann\0@example.com', PASSWORD],
        disabled: [disabled.email, PASSWORD],
        'disabled, wrong password': [disabled.email, 'wrong'],
        'no password': [passwordless.email, PASSWORD],
        'no password, empty': [passwordless.email, ''],
      };
      for (const [what, [email, password]] of Object.entries(attempts)) {
        work.length = 0;
        expect(await service.authenticate(email, password), what).to.equal(undefined);
        expect(work, what).to.deep.equal(['verify']);
      }
      work.length = 0;
      expect(await service.authenticate(right.email, PASSWORD)).to.deep.include({ id: right.id });
      expect(work).to.deep.equal(['verify']);
    });

    it('SEC-4 accepts the decomposed form of what was set', async () => {
      const email = newEmail();
      await fixture.service.register({ email, password: 'p\u00E9lican voucher m\u00EFnt' });
      const found = await fixture.service.authenticate(email, 'pe\u0301lican voucher mi\u0308nt');
      expect(found?.email).to.equal(email);
    });

    it('SEC-7 hashes anew once parameters were raised', async () => {
      const { id, email } = await register();
      const raised = createUsersFixture({ db: test.database, memoryKib: 128 });
      expect(await raised.service.authenticate(email, 'wrong')).to.equal(undefined);
      expect(await hashOf(id)).to.contain('m=64,');
      expect(await raised.service.authenticate(email, PASSWORD)).to.deep.include({ id });
      const hash = await hashOf(id);
      expect(hash).to.contain('m=128,');
      expect(await raised.service.authenticate(email, PASSWORD)).to.deep.include({ id });
      expect(await hashOf(id), 'only once').to.equal(hash);
    });

    it('does not undo a password change that came between', async () => {
      const { id, email } = await register();
      const raised = createUsersFixture({
        db: test.database,
        memoryKib: 128,
        onHash: async (kind) => {
          if (kind === 'hash') await setHash(id, 'changed meanwhile');
        },
      });
      expect(await raised.service.authenticate(email, PASSWORD)).to.deep.include({ id });
      expect(await hashOf(id)).to.equal('changed meanwhile');
    });

    it('lets in also when there is no room to hash anew, and says so in the log', async () => {
      const { id, email } = await register();
      const stored = await hashOf(id);
      const { service, log } = createUsersFixture({
        db: test.database,
        memoryKib: 128,
        onHash: (kind) => {
          if (kind === 'hash') throw new Error('no room');
        },
      });
      expect(await service.authenticate(email, PASSWORD)).to.deep.include({ id });
      expect(await hashOf(id)).to.equal(stored);
      expect(log.entries).to.have.lengthOf(1);
      expect(log.entries[0]?.fields).to.include({ event: 'password.rehash_failed', sub: id });
    });

    it('answers 503 when the queue is full, known or not', async () => {
      const gate = Promise.withResolvers<void>();
      const { service } = createUsersFixture({
        db: test.database,
        onHash: () => gate.promise,
        limits: { slots: 1, waiting: 1 },
      });
      const { email } = await register();
      const outcomes: string[] = [];
      const all = [email, newEmail(), email, newEmail(), 'nobody'].map(async (address) => {
        outcomes.push(await problemOf(service.authenticate(address, 'wrong')));
        if (outcomes.length === 3) gate.resolve();
      });
      await Promise.all(all);
      expect(outcomes).to.deep.equal([
        ...['users:busy', 'users:busy', 'users:busy'],
        ...['no problem', 'no problem'],
      ]);
    });
  });

  it('verifies the password of a user by id', async () => {
    const { id } = await register();
    expect(await fixture.service.verifyPassword(id, PASSWORD)).to.equal(true);
    expect(await fixture.service.verifyPassword(id, 'wrong')).to.equal(false);
    expect(await fixture.service.verifyPassword(randomUUID(), PASSWORD)).to.equal(false);
    await fixture.service.disable(id);
    expect(await fixture.service.verifyPassword(id, PASSWORD)).to.equal(false);
  });

  it('SEC-80 takes an id that is no UUID for one of nobody', async () => {
    for (const id of ['', '..%2f', '1 OR 1=1', `${randomUUID()}'`, '\0', '%']) {
      expect(await fixture.service.find(id), id).to.equal(undefined);
      expect(await problemOf(fixture.service.update(id, { name: 'x' })), id).to.equal(
        'users:not-found',
      );
      expect(await problemOf(fixture.service.disable(id)), id).to.equal('users:not-found');
      expect(await problemOf(fixture.service.enable(id)), id).to.equal('users:not-found');
    }
  });

  it('updates what is given and nothing else', async () => {
    const { id, createdAt } = await register();
    fixture.clock.time += 1_000;
    expect(await fixture.service.update(id, { name: 'Ann', locale: 'de' })).to.include({
      name: 'Ann',
      locale: 'de',
    });
    const user = await fixture.service.update(id, { name: undefined, locale: null });
    expect(user).to.include({ name: 'Ann', locale: null });
    expect(user.createdAt).to.deep.equal(createdAt);
    const row = await fixture.model.findById(id);
    expect(row?.updated_at).to.deep.equal(new Date(fixture.clock.now()));
    expect(await problemOf(fixture.service.update(id, { name: 'A\0' }))).to.equal(
      'users:invalid-profile',
    );
  });

  it('lists by address, in order, up to a limit', async () => {
    const tag = randomUUID().slice(0, 8);
    const emails = ['c', 'A', 'b'].map((name) => `${name}.${tag}@example.com`);
    for (const email of emails) await register(email);
    const list = async (query: string, limit = 10) =>
      (await fixture.service.list({ query, limit })).map(({ email }) => email[0]);
    expect(await list(tag.toUpperCase())).to.deep.equal(['A', 'b', 'c']);
    expect(await list(tag, 2)).to.deep.equal(['A', 'b']);
    expect(await list(`b.${tag}`)).to.deep.equal(['b']);
    expect(await list(`_.${tag}`), 'no wildcard').to.deep.equal([]);
    expect(await list('%'), 'no wildcard').to.deep.equal([]);
    expect(await list('\0')).to.deep.equal([]);
    expect((await fixture.service.list({ limit: 1_000 })).length).to.be.at.least(3);
  });
});
