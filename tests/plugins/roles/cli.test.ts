import { expect } from 'chai';
import { describeFailure } from '../../../src/cli/describe-failure.ts';
import { commands } from '../../../src/plugins/roles/cli.ts';
import { diagnoseRoom } from '../../../src/plugins/roles/diagnose.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createCommandRunner, type Terminal } from '../users/command-run.ts';
import { newEmail, PASSWORD, problemOf } from '../users/users-fixture.ts';
import { createRolesFixture, type RolesFixture } from './roles-fixture.ts';

describe('role commands', () => {
  let test: TestDatabase;
  let fixture: RolesFixture;
  let run: ReturnType<typeof createCommandRunner>;

  before(async () => {
    test = await createTestDatabase();
    fixture = createRolesFixture(test.database);
    const emailLinks = { waysIn: async () => [] };
    const { users, roles } = fixture;
    run = createCommandRunner(commands, { users, roles, 'email-links': emailLinks });
  });
  after(() => test.drop());

  describe('create-superuser', () => {
    const create = (email: string, options = {}, terminal: Terminal = {}) =>
      run('create-superuser', [email], options, terminal);
    const isSuperuser = async (email: string, password: string): Promise<boolean> => {
      const user = await fixture.users.authenticate(email, password);
      return user !== undefined && fixture.roles.has(user.id, 'superuser');
    };

    it('SEC-95 asks twice for the password, on the terminal', async () => {
      const email = newEmail();
      const { out, questions } = await create(email, {}, { answers: [PASSWORD, PASSWORD] });
      expect(await isSuperuser(email, PASSWORD)).to.equal(true);
      expect(questions).to.have.lengthOf(2);
      expect(out).to.contain(email).and.not.contain(PASSWORD);
    });

    it('makes nobody when the two answers differ', async () => {
      const email = newEmail();
      const answers = [PASSWORD, `${PASSWORD}.`];
      const failure = await create(email, {}, { answers }).catch((error: Error) => error.name);
      expect(failure).to.equal('CommandError');
      expect(await fixture.users.findByEmail(email)).to.equal(undefined);
    });

    it('SEC-95 reads it from standard input, up to the line end', async () => {
      const email = newEmail();
      const options = { passwordStdin: true };
      const { questions } = await create(email, options, { stdin: `${PASSWORD}\n` });
      expect(questions).to.deep.equal([]);
      expect(await isSuperuser(email, PASSWORD)).to.equal(true);
      const failure = await create(newEmail(), options, { stdin: '\n' }).catch(String);
      expect(failure).to.contain('CommandError');
    });

    for (const [what, terminal] of Object.entries({
      'there is no terminal': {},
      'the answer is empty': { answers: [''] },
    })) {
      it(`makes a password when ${what}, and prints it once`, async () => {
        const email = newEmail();
        const { out } = await create(email, {}, terminal);
        const password = /: ([\w-]{24})$/m.exec(out)?.[1] ?? '';
        expect(await isSuperuser(email, password)).to.equal(true);
        expect(out.split(password)).to.have.lengthOf(2);
        expect((await create(email)).out).to.not.match(/: [\w-]{24}$/m);
      });
    }

    it('prints JSON', async () => {
      const email = newEmail();
      const made = JSON.parse((await create(email, { json: true })).out);
      const facts = { email, email_verified: true, created: true, password_set: true };
      expect(made).to.have.all.keys('id', 'password', ...Object.keys(facts));
      expect(made).to.include(facts);
      const again = JSON.parse((await create(email, { json: true })).out);
      expect(again).to.deep.equal({ id: made.id, ...facts, created: false, password_set: false });
    });

    it('SEC-95 is idempotent and leaves an existing user the password, when none is given', async () => {
      const { id, email } = await fixture.register();
      for (const terminal of [{}, { answers: [''] }, {}]) {
        const { out } = await create(email.toUpperCase(), {}, terminal);
        expect(out).to.equal(`${email} is a superuser; the password is unchanged.`);
      }
      expect(await isSuperuser(email, PASSWORD)).to.equal(true);
      expect(await fixture.rolesVersion(id)).to.equal(2);
    });

    it('B-20 gives an existing user the password that is given, by any way', async () => {
      const { email } = await fixture.register();
      const first = 'another otter hums';
      const { questions } = await create(email, { passwordStdin: true }, { stdin: first });
      expect(questions).to.deep.equal([]);
      expect(await isSuperuser(email, first)).to.equal(true);
      expect(await fixture.users.authenticate(email, PASSWORD)).to.equal(undefined);
      const second = 'a third otter sings';
      const typed = await create(email, {}, { answers: [second, second] });
      expect(typed.out).to.contain('has the given password').and.not.contain(second);
      expect(await isSuperuser(email, second)).to.equal(true);
      const weak = create(email, {}, { answers: ['qwertyuiop12', 'qwertyuiop12'] });
      expect(await problemOf(weak)).to.equal('users:password-rejected');
      expect(await isSuperuser(email, second)).to.equal(true);
    });

    it('B-20 says of one without a password that there is none, or gives the given one', async () => {
      const email = newEmail();
      const without = { emailCanonical: email, passwordHash: null, name: null, locale: null };
      await fixture.users.create({ email, ...without }, { emailVerified: true });
      expect((await create(email)).out).to.contain('has no password');
      await create(email, { passwordStdin: true }, { stdin: PASSWORD });
      expect(await isSuperuser(email, PASSWORD)).to.equal(true);
    });

    it('D1 keeps whom it made before addresses were vouched for, and gives them the password', async () => {
      const { id, email } = await fixture.register(false);
      expect(await create(email).catch(String)).to.contain(id);
      await fixture.roles.grant(id, 'superuser');
      expect((await create(email)).out).to.contain('(unverified) is a superuser');
      const stdin = 'another otter hums';
      await create(email, { passwordStdin: true }, { stdin });
      expect(await isSuperuser(email, stdin)).to.equal(true);
      expect((await create(email)).out).to.not.contain('unverified');
    });

    it('says that an existing user is disabled, and does not enable', async () => {
      const { id, email } = await fixture.register();
      await fixture.users.disable(id);
      expect((await create(email)).notes).to.contain('disabled');
      const stdin = { stdin: 'another otter hums' };
      expect((await create(email, { passwordStdin: true }, stdin)).notes).to.contain('disabled');
      expect((await fixture.users.find(id))?.disabledAt).to.not.equal(null);
    });

    it('SEC-95 has the same policy', async () => {
      const weak = { answers: ['qwertyuiop12', 'qwertyuiop12'] };
      expect(await problemOf(create(newEmail(), {}, weak))).to.equal('users:password-rejected');
      expect(await problemOf(create('a@b@c.example'))).to.equal('users:invalid-email');
    });

    it('SEC-95 has no argument and no option that could hold a password', () => {
      const command = commands.find(({ name }) => name === 'create-superuser');
      expect(command?.args?.map(({ name }) => name)).to.deep.equal(['<user>']);
      expect(command?.options?.map(({ flags }) => flags)).to.deep.equal([
        '--password-stdin',
        '--unverified',
        '--json',
      ]);
    });
  });

  it('makes, lists and deletes roles', async () => {
    await run('role create', ['auditor', 'Reads everything']);
    const json = await run('role create', ['author'], { json: true });
    expect(JSON.parse(json.out)).to.include({ name: 'author', description: '' });
    const { out } = await run('role list', []);
    expect(out.split('\n')).to.include.members(['auditor  Reads everything', 'author']);
    await run('role delete', ['auditor']);
    const list = JSON.parse((await run('role list', [], { json: true })).out);
    expect(list.map(({ name }: { name: string }) => name)).to.include('author');
    expect(list.map(({ name }: { name: string }) => name)).to.not.include('auditor');
    expect(await problemOf(run('role create', ['author']))).to.equal('roles:name-taken');
  });

  it('gives and takes them, by address or id', async () => {
    const { id, email } = await fixture.register();
    for (const name of ['helper', 'helper2']) await run('role create', [name]);
    await run('role grant', [id, 'helper']);
    const granted = await run('role grant', [email.toUpperCase(), 'helper2']);
    expect(granted.out).to.equal(`${email}: helper, helper2`);
    expect((await run('role revoke', [id, 'helper'])).out).to.equal(`${email}: helper2`);
    expect((await run('role revoke', [id, 'helper2'])).out).to.equal(`${email}: no roles`);
  });

  describe('roles that would make a token too long', () => {
    const narrow = { roles: ['b03-one'], roles_ver: 9_999_999_999 };
    beforeEach(() => {
      fixture.room.bytes = JSON.stringify(narrow).length;
    });
    afterEach(() => {
      fixture.room.bytes = 2000;
    });
    const lineOf = (failure: unknown): string => describeFailure(failure);

    it('B-03 role grant and create-superuser say so in one line, and change nothing', async () => {
      const { id, email } = await fixture.register();
      await fixture.roles.create({ name: 'b03-one' });
      await fixture.roles.create({ name: 'b03-two' });
      expect((await run('role grant', [email, 'b03-one'])).out).to.equal(`${email}: b03-one`);
      // Nothing happens to who has it already.
      await run('role grant', [email, 'b03-one']);
      const refused = await run('role grant', [email, 'b03-two']).catch(lineOf);
      expect(refused).to.match(
        /^With this role an access token of the user would be too long: .* room for 9\. .*$/,
      );
      const stdin = { stdin: 'another otter hums' };
      const taken = await run('create-superuser', [email], { passwordStdin: true }, stdin).catch(
        lineOf,
      );
      expect(taken).to.contain('would be too long');
      expect(await fixture.users.authenticate(email, PASSWORD)).to.have.property('id', id);
      expect(await fixture.roles.namesOf(id)).to.deep.equal(['b03-one']);
    });

    it('B-03 a role that no token has room for is not made', async () => {
      const failure = await run('role create', ['b03-three']).catch(lineOf);
      expect(failure).to.contain(
        'The name of the role is not valid: name: No access token has room',
      );
    });

    it('B-03 doctor names who has too many, and settings that leave no room', async () => {
      const { id } = await fixture.register();
      fixture.room.bytes = 2000;
      for (const name of ['b03-six', 'b03-seven']) {
        await fixture.roles.create({ name });
        await fixture.roles.grant(id, name);
      }
      const examine = () => diagnoseRoom(fixture.model, async () => fixture.room.bytes).check();
      expect(await examine()).to.deep.equal([]);
      const both = { roles: ['b03-seven', 'b03-six'], roles_ver: 9_999_999_999 };
      fixture.room.bytes = JSON.stringify(both).length;
      expect(await examine()).to.deep.equal([]);
      fixture.room.bytes -= 1;
      const [found, ...others] = await examine();
      expect(others).to.deep.equal([]);
      expect(found?.severity).to.equal('warning');
      expect(found?.problem).to.contain(id);
      expect(found?.fix).to.contain(`authsrv role revoke ${id}`);
      fixture.room.bytes = 40;
      const [nothing] = await examine();
      expect(nothing?.severity).to.equal('broken');
      expect(nothing?.fix).to.contain('API_SCOPES');
    });
  });

  it('names the user or role that is not there', async () => {
    const { id } = await fixture.register();
    const failure = (name: string, args: string[]) => run(name, args).catch(String);
    expect(await failure('role grant', ['nobody@example.com', 'x'])).to.contain('There is no user');
    expect(await failure('role delete', ['none'])).to.contain('There is no role "none"');
    expect(await problemOf(run('role grant', [id, 'none']))).to.equal('roles:not-found');
  });
});
