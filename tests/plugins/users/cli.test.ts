import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { commands } from '../../../src/plugins/users/cli.ts';
import type { User } from '../../../src/plugins/users/contract.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createCommandRunner } from './command-run.ts';
import { createUsersFixture, newEmail, PASSWORD, type UsersFixture } from './users-fixture.ts';

describe('user commands', () => {
  let test: TestDatabase;
  let fixture: UsersFixture;
  let run: ReturnType<typeof createCommandRunner>;

  before(async () => {
    test = await createTestDatabase();
    fixture = createUsersFixture({ db: test.database });
    run = createCommandRunner(commands, { users: fixture.service });
  });
  after(() => test.drop());

  const register = async (email = newEmail(), emailVerified = true): Promise<User> => {
    const prepared = await fixture.service.prepare({ email, password: PASSWORD });
    return (await fixture.service.create(prepared, { emailVerified })) ?? expect.fail();
  };
  const failure = (name: string, args: string[], options = {}): Promise<string> =>
    run(name, args, options).then(
      () => 'no failure',
      (error: Error) => `${error.name}: ${error.message}`,
    );

  it('shows a user by address and by id', async () => {
    const user = await register(newEmail(), false);
    for (const key of [user.email.toUpperCase(), user.id]) {
      const { out } = await run('user show', [key], { json: true });
      expect(JSON.parse(out)).to.deep.equal({
        id: user.id,
        email: user.email,
        email_verified: false,
        name: null,
        locale: null,
        disabled_at: null,
        deleting_at: null,
        created_at: user.createdAt.toISOString(),
      });
    }
    const { out } = await run('user show', [user.id]);
    expect(out.split('\n')).to.include.members([`id: ${user.id}`, 'name: -']);
  });

  it('disables and enables', async () => {
    const { id, email } = await register();
    const disabled = await run('user disable', [email], { json: true });
    expect(JSON.parse(disabled.out).disabled_at).to.be.a('string');
    expect((await fixture.service.find(id))?.disabledAt).to.not.equal(null);
    expect((await run('user list', [email])).out).to.equal(`${id}  ${email}  disabled`);
    const enabled = await run('user enable', [id], { json: true });
    expect(JSON.parse(enabled.out).disabled_at).to.equal(null);
    expect((await fixture.service.find(id))?.disabledAt).to.equal(null);
  });

  it('lists, also as JSON, and says when there are more', async () => {
    const tag = randomUUID().slice(0, 8);
    const users = [];
    for (const name of ['a', 'b', 'c']) users.push(await register(`${name}.${tag}@example.com`));
    const all = await run('user list', [tag], { json: true });
    expect(JSON.parse(all.out).map(({ id }: { id: string }) => id)).to.deep.equal(
      users.map(({ id }) => id),
    );
    expect(all.notes).to.equal('');
    const two = await run('user list', [tag], { limit: '2' });
    expect(two.out.split('\n')).to.have.lengthOf(2);
    expect(two.notes).to.contain('--limit');
  });

  it('finds by name as well, by argument or option', async () => {
    const { id } = await register();
    const name = `Zoë ${randomUUID().slice(0, 8)}`;
    await fixture.service.update(id, { name });
    for (const [args, options] of [
      [[name.toUpperCase()], {}],
      [[], { query: name }],
    ] as const) {
      const { out } = await run('user list', args, { ...options, json: true });
      expect(JSON.parse(out).map((user: { id: string }) => user.id)).to.deep.equal([id]);
    }
  });

  it('deletes with --yes, or when the address is typed again', async () => {
    const [one, two] = [await register(), await register()];
    const { out } = await run('user delete', [one.id], { yes: true });
    expect(out).to.equal(`Deleted ${one.email} (${one.id}).`);
    const typed = await run('user delete', [two.email], {}, { answers: [two.email] });
    expect(typed.questions).to.have.lengthOf(1);
    for (const { id } of [one, two]) expect(await fixture.service.find(id)).to.equal(undefined);
  });

  it('deletes nobody without a word', async () => {
    const { id, email } = await register();
    expect(await failure('user delete', [id])).to.equal(
      'CommandError: Not a terminal: pass --yes to confirm.',
    );
    const other = run('user delete', [id], {}, { answers: [`x${email}`] });
    expect(await other.catch((error: Error) => error.message)).to.contain('nothing is deleted');
    expect(await failure('user delete', [randomUUID()], { yes: true })).to.contain('no user');
    expect(await fixture.service.find(id)).to.not.equal(undefined);
  });

  it('says what is wrong in one line', async () => {
    expect(await failure('user show', ['nobody@example.com'])).to.equal(
      'CommandError: There is no user "nobody@example.com".',
    );
    expect(await failure('user disable', [''])).to.contain('CommandError: There is no user');
    for (const limit of ['0', '1.5', 'many']) {
      expect(await failure('user list', [], { limit }), limit).to.contain('CommandError: --limit');
    }
  });
});
