import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { EmailLinks } from '../../src/plugins/email-links/contract.ts';
import { commands as roleCommands } from '../../src/plugins/roles/cli.ts';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { diagnoseSuperusers } from '../../src/plugins/roles/diagnose.ts';
import { createRoleModel } from '../../src/plugins/roles/model.ts';
import { commands as userCommands } from '../../src/plugins/users/cli.ts';
import { Users } from '../../src/plugins/users/contract.ts';
import { createCommandRunner } from '../plugins/users/command-run.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const ATTACKERS = 'attacker chose this 1';
const OPERATORS = 'the operator typed this 5';

/** Whoever registers an address first has proven nothing of it. */
describe('D1 commands that name a user by an address that somebody registered', () => {
  let app: TestApp;
  let run: ReturnType<typeof createCommandRunner>;
  before(async () => {
    app = await startTestApp();
    const services = {
      users: app.app.use(Users),
      roles: app.app.use(Roles),
      'email-links': app.app.use(EmailLinks),
    };
    run = createCommandRunner([...roleCommands, ...userCommands], services);
  });
  after(() => app.close());

  const newAddress = (): string => `ops-${randomUUID()}@corp.example`;
  const signIn = async (email: string, password: string) => {
    const browser = app.browser();
    const { status } = await browser.request('/auth/login', { json: { email, password } });
    return { browser, status };
  };
  /** Anybody, without a mail. */
  const register = async (email: string) => {
    const json = { email, password: ATTACKERS };
    const { user } = (await app.browser().request('/auth/register', { json })).json<{
      user: { id: string };
    }>();
    return user.id;
  };
  const refusal = (...args: Parameters<typeof run>): Promise<string> =>
    run(...args).then(
      ({ out }) => `done: ${out}`,
      ({ name, message }: Error) => `${name}: ${message}`,
    );
  const isSuperuser = (id: string) => app.app.use(Roles).has(id, 'superuser');
  /** As a version before, or a change of address without mail, left it. */
  const connect = (id: string) =>
    app.storage.db.query(
      {
        name: 'test-connect',
        text: `INSERT INTO identities (id, user_id, provider, issuer, subject, created_at, last_used_at)
          VALUES (gen_random_uuid(), $1, 'google', 'https://accounts.google.com', $2, now(), now())`,
      },
      [id, `sub of ${id}`],
    );
  const waysIn = (id: string) =>
    app.storage.db.query(
      { name: 'test-ways-in', text: 'SELECT provider FROM identities WHERE user_id = $1' },
      [id],
    );
  const given = { stdin: `${OPERATORS}\n` };

  it('D1 SEC-78 create-superuser refuses the account of the one who was first, with the id to use', async () => {
    const email = newAddress();
    const id = await register(email);
    for (const options of [{ passwordStdin: true }, {}, { json: true }]) {
      const said = await refusal('create-superuser', [email.toUpperCase()], options, given);
      expect(said)
        .to.match(/^CommandError: .*is not verified/)
        .and.contain(id);
      expect(said).to.contain('--unverified');
    }
    expect(await isSuperuser(id)).to.equal(false);
    const attacker = await signIn(email, ATTACKERS);
    expect((await attacker.browser.request('/users')).status).to.equal(403);
  });

  for (const [how, name] of Object.entries({
    'by id': (id: string) => ({ args: [id], options: {} }),
    'with --unverified': (_id: string, email: string) => ({
      args: [email],
      options: { unverified: true },
    }),
  })) {
    it(`D1 B-20 create-superuser ${how} sets the given password and ends what was signed in`, async () => {
      const email = newAddress();
      const id = await register(email);
      const attacker = await signIn(email, ATTACKERS);
      await connect(id);
      const { args, options } = name(id, email);
      const all = { ...options, passwordStdin: true, json: true };
      const { out, changes } = await run('create-superuser', args, all, given);
      expect(JSON.parse(out)).to.include({ id, created: false, password_set: true });
      const actions = changes.map(({ action, target }) => [action, target]);
      expect(actions).to.deep.equal([
        ['password_set', id],
        ['role_granted', id],
      ]);
      expect(await isSuperuser(id)).to.equal(true);
      expect(await waysIn(id), 'accounts of providers').to.deep.equal([]);
      for (const [path, method] of [
        ['/auth/me', 'GET'],
        ['/users', 'GET'],
        ['/auth/refresh', 'POST'],
      ] as const) {
        expect((await attacker.browser.request(path, { method })).status, path).to.equal(401);
      }
      expect((await signIn(email, ATTACKERS)).status).to.equal(401);
      const operator = await signIn(email, OPERATORS);
      expect((await operator.browser.request('/users')).status).to.equal(200);
    });
  }

  it('D1 an address that its owner verified is enough, and the given password counts', async () => {
    const email = newAddress();
    const id = await register(email);
    await app.app.use(Users).verifyEmail(id, email, undefined as never);
    const owner = await signIn(email, ATTACKERS);
    const kept = await run('create-superuser', [email]);
    expect(kept.out).to.contain('the password is unchanged');
    expect((await owner.browser.request('/users')).status).to.equal(401);
    await owner.browser.request('/auth/refresh', { method: 'POST' });
    expect((await owner.browser.request('/users')).status).to.equal(200);
    await run('create-superuser', [email], { passwordStdin: true }, given);
    expect((await owner.browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
    expect((await signIn(email, ATTACKERS)).status).to.equal(401);
    expect((await signIn(email, OPERATORS)).status).to.equal(200);
  });

  it('D1 what else signs in to a verified account is told with the role', async () => {
    const email = newAddress();
    const id = await register(email);
    await app.app.use(Users).verifyEmail(id, email, undefined as never);
    await connect(id);
    for (const [options, terminal] of [
      [{}, {}],
      [{ passwordStdin: true }, given],
    ] as const) {
      const { notes } = await run('create-superuser', [email], options, terminal);
      expect(notes).to.match(/^google, connected on .*, signs in to .* as well/i);
    }
  });

  it('D1 whom create-superuser makes has a verified address: the operator vouches for it', async () => {
    const email = newAddress();
    await run('create-superuser', [email], { passwordStdin: true }, given);
    const user = await app.app.use(Users).findByEmail(email);
    expect(user?.emailVerified).to.equal(true);
    await run('role create', ['d1-helper']);
    expect((await run('role grant', [email, 'd1-helper'])).out).to.contain('d1-helper');
  });

  it('D1 a registration that comes between the look and the creation becomes no superuser', async () => {
    const email = newAddress();
    let id = '';
    const users = app.app.use(Users);
    const roles = app.app.use(Roles);
    const racing = {
      ...users,
      async prepare(...args: Parameters<typeof users.prepare>) {
        id = await register(email);
        return users.prepare(...args);
      },
      async register(...args: Parameters<typeof users.register>) {
        id = await register(email);
        return users.register(...args);
      },
    };
    const late = createCommandRunner(roleCommands, { users: racing, roles });
    const said = await late('create-superuser', [email], { passwordStdin: true }, given).then(
      () => 'done',
      (error: Error) => error.message,
    );
    expect(id).to.not.equal('');
    expect(said).to.match(/registered meanwhile|already a user/);
    expect(await isSuperuser(id)).to.equal(false);
  });

  for (const [name, more] of Object.entries({
    'role grant': ['d1-other'],
    'role revoke': ['d1-other'],
    'user disable': [],
    'user enable': [],
    'user delete': [],
  })) {
    it(`D1 ${name} refuses it, and takes the id or --unverified`, async () => {
      if (!(await app.app.use(Roles).findByName('d1-other'))) {
        await run('role create', ['d1-other']);
      }
      const email = newAddress();
      const id = await register(email);
      const said = await refusal(name, [email, ...more], { yes: true });
      expect(said)
        .to.match(/^CommandError: .*is not verified/)
        .and.contain(id);
      expect((await run(name, [email, ...more], { yes: true, unverified: true })).out).to.not.equal(
        '',
      );
      const other = await register(newAddress());
      expect((await run(name, [other, ...more], { yes: true })).out).to.not.equal('');
    });
  }

  it('D1 doctor names superusers of before whose address nobody verified, until somebody vouches for it', async () => {
    const { check } = diagnoseSuperusers(createRoleModel(app.database.database));
    const named = async (id: string) =>
      (await check()).filter(({ problem }) => problem.includes(id)).map(({ severity }) => severity);
    const id = await register(newAddress());
    expect(await named(id)).to.deep.equal([]);
    await app.app.use(Roles).grant(id, 'superuser');
    expect(await named(id)).to.deep.equal(['warning']);
    await run('create-superuser', [id], { passwordStdin: true }, given);
    expect(await named(id)).to.deep.equal([]);
  });

  it('D1 commands that only read show such a user, and say that the address is unverified', async () => {
    const email = newAddress();
    const id = await register(email);
    expect((await run('user list', [email])).out).to.equal(`${id}  ${email}  unverified`);
    expect((await run('user show', [email])).out).to.match(/^email_verified: false$/m);
  });
});
