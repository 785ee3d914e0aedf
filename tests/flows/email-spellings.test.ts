/** One mailbox is one account, however its address is spelled (B-09, B-22), also beside and after the version before. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import { keepKeys } from '../../src/plugins/users/email-keys.ts';
import { createUserModel } from '../../src/plugins/users/model.ts';
import { namedUser } from '../../src/plugins/users/named-user.ts';
import { query } from '../support/known-user.ts';
import { mailsTo, mailTo } from '../support/mailbox.ts';
import { createUser, createUserNamed, PASSWORD, signedInBrowser } from '../support/people.ts';
import { anotherNode, type TestApp } from '../support/test-app.ts';
import { createUserAdmin, type UserAdmin } from '../support/user-admin.ts';
import { me, newPerson, type Stage, signInWith, startStage } from './federation/stage.ts';

const tag = (): string => `m${randomUUID().slice(0, 8)}`;

/** Spellings of one address each; the first is what people would type. */
const SPELLINGS: Readonly<Record<string, (name: string) => readonly string[]>> = {
  'B-09 a domain with U-labels or A-labels': (name) => [
    `${name}@münchen.example`,
    `${name}@xn--mnchen-3ya.example`,
    `${name}@XN--MNCHEN-3YA.Example`,
    `${name.toUpperCase()}@MÜNCHEN.EXAMPLE`,
    `${name}@mu\u0308nchen.example`,
    `${name}@münchen。example`,
    `${name}＠ｍünchen．example`,
  ],
  'B-22 Greek letters with a final sigma': (name) => [
    `${name}ας.x@example.com`,
    `${name}ΑΣ.x@example.com`,
    `${name}ασ.x@example.com`,
  ],
  'B-22 capitals of letters that have none of their own': (name) => [
    `${name}straße@example.com`,
    `${name}STRASSE@example.com`,
    `${name}STRAẞE@EXAMPLE.com`,
  ],
};

describe('spellings of e-mail addresses', function () {
  this.timeout(60_000);
  let stage: Stage;
  let app: TestApp;
  let other: TestApp;
  let admin: UserAdmin;
  before(async () => {
    stage = await startStage();
    ({ app } = stage);
    other = await anotherNode(app);
    admin = await createUserAdmin(app);
  });
  after(async () => {
    await other?.close();
    await stage?.close();
  });

  const register = (email: string, node = app) =>
    node.browser().request('/auth/register', { json: { email, password: PASSWORD } });
  const signIn = (email: string, password = PASSWORD) =>
    app.browser().request('/auth/login', { json: { email, password } });
  const users = () => createUserModel(app.storage.db);
  /** As a row that a version before 2.2 wrote. */
  const insertBefore = async (email: string): Promise<string> => {
    const { id } = await createUserNamed(app, `${randomUUID()}@example.com`);
    const former = email.toLowerCase().normalize('NFKC');
    const text = `UPDATE users SET email = $2, email_canonical = $3, email_key = NULL WHERE id = $1`;
    await app.storage.db.transaction(async (transaction) => {
      const run = (name: string, sql: string, values: unknown[] = []) =>
        app.storage.db.query({ name: `test-spellings-${name}`, text: sql }, values, transaction);
      await run('quiet', 'SET LOCAL session_replication_role = replica');
      await run('insert', text, [id, email, former]);
    });
    return id;
  };
  const findings = async () => {
    const [diagnosis] = keepKeys(users()).diagnoses;
    return JSON.stringify(await diagnosis?.check());
  };

  for (const [what, spell] of Object.entries(SPELLINGS)) {
    it(`${what}: one account, registered once, signed in to by each`, async () => {
      const [typed = '', ...others] = spell(tag());
      expect((await register(typed)).status).to.equal(201);
      const browser = app.browser();
      await browser.request('/auth/login', { json: { email: typed, password: PASSWORD } });
      // What is shown, and put into tokens, is what was typed.
      expect(await me(browser)).to.include({ email: typed });
      for (const email of others) {
        const answer = await register(email);
        expect([answer.status, answer.json()['type']], email).to.deep.equal([
          409,
          'urn:problem:users:email-taken',
        ]);
        expect((await signIn(email)).status, email).to.equal(200);
        expect((await signIn(email, 'not the password')).status, email).to.equal(401);
      }
    });

    it(`${what}: of 100 accounts made at once at two nodes there is one`, async () => {
      const all = spell(tag());
      const made = await Promise.all(
        Array.from({ length: 100 }, (_, index) => {
          const email = all[index % all.length] ?? '';
          const prepared = { email, passwordHash: null, name: null, locale: null };
          const node = index % 2 ? app : other;
          return node.app.use(Users).create(prepared, { emailVerified: false });
        }),
      );
      expect(made.filter(Boolean)).to.have.lengthOf(1);
    });

    it(`${what}: a reset goes to the address of the account, whichever is asked for`, async () => {
      const [typed = '', ...others] = spell(tag());
      await register(typed);
      const asked = others.at(-1) ?? '';
      await app.browser().request('/auth/password/forgot', { json: { email: asked } });
      expect((await mailTo(app, typed, 'reset-password')).to).to.equal(typed);
      expect(await mailsTo(app, asked)).to.deep.equal([]);
    });

    it(`${what}: nobody takes another's address by a change, nor their own again`, async () => {
      const [typed = '', ...others] = spell(tag());
      const owner = await createUserNamed(app, typed);
      const browser = await signedInBrowser(app, owner);
      const thief = await signedInBrowser(app, await createUser(app));
      const change = (from: typeof browser, email: string) =>
        from.request('/auth/email', { method: 'PUT', json: { email, current_password: PASSWORD } });
      for (const email of others) {
        const own = await change(browser, email);
        expect([own.status, own.json()['type']], email).to.deep.equal([
          400,
          'urn:problem:users:invalid-email',
        ]);
        expect((await change(thief, email)).status, email).to.equal(202);
        expect(await mailsTo(app, email), email).to.deep.equal([]);
      }
    });

    it(`${what}: commands and the search of admins find the account by each`, async () => {
      const all = spell(tag());
      const { id } = await createUserNamed(app, all[0] ?? '');
      for (const email of all) {
        const input = { args: [email], options: { unverified: true } };
        expect((await namedUser(app.app.use(Users), input)).id, email).to.equal(id);
        const page = await admin.list({ query: email });
        expect(
          page.users.map((user) => user.id),
          email,
        ).to.deep.equal([id]);
      }
    });
  }

  it('B-09 100 parallel registrations of all spellings at two nodes make one account', async () => {
    const all = Object.values(SPELLINGS)[0]?.(tag()) ?? [];
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        register(all[index % all.length] ?? '', index % 2 ? app : other),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).to.have.lengthOf(1);
    expect(statuses.filter((status) => status === 409)).to.have.lengthOf(99);
  });

  it('B-09 the search of admins finds parts of either form of a domain', async () => {
    const name = tag();
    const [one, two] = [`${name}a@bücher.example`, `${name}b@xn--bcher-kva.example`];
    for (const email of [one, two]) await createUserNamed(app, email);
    const found = async (part: string) =>
      (await admin.list({ query: part })).users
        .map(({ email }) => email)
        .filter((email) => email.startsWith(name));
    expect(await found('büch')).to.deep.equal([one, two]);
    expect(await found('xn--bcher-kva')).to.deep.equal([one, two]);
  });

  it('B-09 a provider that writes the domain in another way names the same account', async () => {
    const name = tag();
    newPerson(stage.google, { email: `${name}@xn--mnchen-3ya.example` });
    const first = app.browser();
    await signInWith(first, 'google');
    const account = await me(first);
    expect(account).to.include({ email: `${name}@xn--mnchen-3ya.example` });
    newPerson(stage.google, { email: `${name}@münchen.example` });
    const second = app.browser();
    await signInWith(second, 'google');
    // Another person at the provider: asked to prove that the account is theirs (SEC-70), and no second account.
    expect(await me(second)).to.equal(undefined);
    expect((await register(`${name}@MÜNCHEN.example`)).status).to.equal(409);
  });

  it('B-22 letters that only look alike stay apart: the Turkish ı, and ß in a domain', async () => {
    const name = tag();
    for (const email of [
      `${name}i@example.com`,
      `${name}ı@example.com`,
      `${name}@straße.example`,
      `${name}@strasse.example`,
    ]) {
      expect((await register(email)).status, email).to.equal(201);
    }
  });

  it('B-09 no account is made for a domain that no mail reaches', async () => {
    for (const domain of ['xn--a.example', `${'ü'.repeat(60)}.example`, 'xn--zzzzzz--.example']) {
      const answer = await register(`${tag()}@${domain}`);
      expect(answer.status, domain).to.equal(400);
      expect(answer.json()['type']).to.equal('urn:problem:users:invalid-email');
    }
  });

  describe('of accounts from a version before', () => {
    it('B-09 B-22 one alone is found by every spelling at once, and no second one is made', async () => {
      for (const spell of Object.values(SPELLINGS).slice(0, 2)) {
        const [typed = '', ...others] = spell(tag());
        const id = await insertBefore(typed);
        expect((await signIn(typed)).status, 'before its key is written').to.equal(200);
        await (await anotherNode(app)).close();
        const [row] = await query(
          app,
          'SELECT email_canonical, email_key FROM users WHERE id = $1',
          [id],
        );
        expect(row).to.have.property('email_canonical', typed.toLowerCase().normalize('NFKC'));
        expect(row).to.have.property('email_key').that.is.a('string');
        for (const email of others) {
          expect((await register(email)).status, email).to.equal(409);
          expect((await signIn(email)).status, email).to.equal(200);
        }
      }
    });

    it('B-09 B-22 two that share one both stay, each with the spelling of its own, and doctor names them', async () => {
      for (const spell of Object.values(SPELLINGS).slice(0, 2)) {
        const name = tag();
        const pair = spell(name).slice(0, 2);
        const ids: string[] = [];
        for (const [index, email] of pair.entries()) {
          const id = await insertBefore(email);
          ids.push(id);
          await app.app.use(Users).setPassword(id, `the password of number ${index}`);
        }
        await keepKeys(users()).start();
        for (const [index, email] of pair.entries()) {
          const browser = app.browser();
          const json = { email, password: `the password of number ${index}` };
          expect((await browser.request('/auth/login', { json })).status, email).to.equal(200);
          expect((await me(browser))?.['id'], email).to.equal(ids[index]);
          const crossed = `the password of number ${1 - index}`;
          expect((await signIn(email, crossed)).status, email).to.equal(401);
          expect((await app.app.use(Users).findByEmail(email))?.id, email).to.equal(ids[index]);
        }
        expect((await register(spell(name)[2] ?? '')).status).to.equal(409);
        const found = await findings();
        for (const id of ids) expect(found).to.include(id);
        expect(found).not.to.include(name);
        // Once one is gone the other has the address for itself.
        for (const [index, id] of ids.entries()) {
          if (index === 0) await app.app.use(Users).delete(id);
        }
        await keepKeys(users()).start();
        expect(await findings()).not.to.include(ids[1]);
        expect((await register(pair[0] ?? '')).status).to.equal(409);
      }
    });

    it('B-09 B-22 a node of that version can take none that needs a key meanwhile, and goes on with all others', async () => {
      const insert = (email: string) =>
        query(
          app,
          `INSERT INTO users (id, email, email_canonical, email_verified, created_at, updated_at)
            VALUES (gen_random_uuid(), $1, $2, false, now(), now()) ON CONFLICT (email_canonical) DO NOTHING RETURNING id`,
          [email, email.toLowerCase().normalize('NFKC')],
        );
      const name = tag();
      await register(`${name}@münchen.example`);
      for (const email of [`${name}@xn--mnchen-3ya.example`, `${name}ß@example.com`]) {
        const error = await insert(email).catch((caught: unknown) => caught);
        expect(error, email).to.have.property('name', 'StoreUnavailable');
      }
      expect(await insert(`${name}@example.com`)).to.have.lengthOf(1);
      const [row] = await query<{ id: string }>(app, 'SELECT id FROM users WHERE email = $1', [
        `${name}@münchen.example`,
      ]);
      // A change to an address that needs no key leaves none behind.
      await query(app, `UPDATE users SET email = $2, email_canonical = $2 WHERE id = $1`, [
        row?.id,
        `${name}-new@example.com`,
      ]);
      expect((await register(`${name}@xn--mnchen-3ya.example`)).status).to.equal(201);
    });
  });
});
