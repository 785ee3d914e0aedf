import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createUser, createUserNamed, login, signedInBrowser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { createUserAdmin, type UserAdmin, type UserPage } from '../support/user-admin.ts';

describe('GET /users', () => {
  let app: TestApp;
  let admin: UserAdmin;

  before(async () => {
    app = await startTestApp();
    admin = await createUserAdmin(app);
  });
  after(() => app.close());

  it('shows exactly these members, and no secret', async () => {
    const user = await createUser(app, ['editor']);
    const { users } = await admin.list({ query: user.email });
    expect(users).to.deep.equal([
      {
        id: user.id,
        email: user.email,
        email_verified: false,
        name: 'Test Person',
        locale: null,
        roles: ['editor'],
        disabled: false,
        disabled_at: null,
        deleting_at: null,
        created_at: user.createdAt.toISOString(),
      },
    ]);
    expect(await admin.show(user.id)).to.deep.equal(users[0]);
  });

  it('pages through a search, each user once, in order', async () => {
    const tag = `page-${randomUUID().slice(0, 8)}`;
    for (const letter of 'edcba') await createUserNamed(app, `${letter}.${tag}@example.com`);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: UserPage = await admin.list({
        query: tag.toUpperCase(),
        limit: '2',
        ...(cursor && { cursor }),
      });
      expect(page.users.length).to.be.at.most(2);
      seen.push(...page.users.map(({ email }) => email.slice(0, 1)));
      cursor = page.next_cursor;
    } while (cursor);
    expect(seen).to.deep.equal([...'abcde']);
  });

  it('goes on after a user who was deleted meanwhile', async () => {
    const tag = `gone-${randomUUID().slice(0, 8)}`;
    for (const letter of 'abc') await createUserNamed(app, `${letter}.${tag}@example.com`);
    const { users, next_cursor: cursor } = await admin.list({ query: tag, limit: '1' });
    await admin.remove(users[0]?.id ?? '');
    const rest = await admin.list({ query: tag, cursor: cursor ?? '' });
    expect(rest.users.map(({ email }) => email.slice(0, 1))).to.deep.equal(['b', 'c']);
  });

  it('finds names, also those with accents, in any case', async () => {
    const user = await createUser(app);
    const browser = await signedInBrowser(app, user);
    const tag = randomUUID().slice(0, 8);
    await browser.request('/auth/me', {
      method: 'PATCH',
      json: { name: `Élodie Ångström ${tag}` },
    });
    for (const query of [`ÅNGSTRÖM ${tag}`, `élodie ångström ${tag}`.normalize('NFD')]) {
      expect((await admin.list({ query })).users.map(({ id }) => id)).to.deep.equal([user.id]);
    }
  });

  it('SEC-81 knows no wildcards', async () => {
    await createUserNamed(app, `under_score-${randomUUID()}@example.com`);
    for (const query of ['%', 'under%score', '*', '.*', '\\']) {
      expect((await admin.list({ query })).users, query).to.deep.equal([]);
    }
    const { users } = await admin.list({ query: '_' });
    expect(users).to.not.have.lengthOf(0);
    for (const { email } of users) expect(email).to.contain('_');
  });

  it('SEC-81 Casdoor CVE-2022-24124: takes SQL for text, and no other field to search or sort by', async () => {
    const before = (await admin.list({})).users.length;
    for (const query of [
      "' OR '1'='1",
      "') OR true --",
      "'; DROP TABLE users; --",
      "' UNION SELECT id, password_hash FROM users --",
      '$1',
      '\\x27 OR 1=1',
    ]) {
      expect((await admin.list({ query })).users, query).to.deep.equal([]);
    }
    for (const params of [
      { sort: 'password_hash' },
      { field: 'password_hash' },
      { sortField: 'updatexml(1,version(),1)' },
      { order: 'email; DROP TABLE users' },
      { 'query[]': 'a' },
      { limit: '0' },
      { limit: '101' },
      { limit: '1 OR 1=1' },
      { limit: '1e9' },
    ]) {
      const answer = await admin.request(`/users?${new URLSearchParams(params as never)}`);
      expect(answer.status, JSON.stringify(params)).to.equal(400);
    }
    expect((await admin.request('/users?query=a&query=b')).status).to.equal(400);
    expect((await admin.list({})).users.length).to.equal(before);
  });

  it('SEC-81 Ory GHSA-r9w3-57w2-gch2: takes only cursors of its own, for the search they are of', async () => {
    const tag = `seal-${randomUUID().slice(0, 8)}`;
    for (const letter of 'ab') await createUserNamed(app, `${letter}.${tag}@example.com`);
    const { next_cursor: cursor } = await admin.list({ query: tag, limit: '1' });
    const good = cursor ?? '';
    expect(Buffer.from(good, 'base64url').toString('latin1')).to.not.contain(tag);
    const bytes = Buffer.from(good, 'base64url');
    const flipped = Array.from(bytes, (_, index) => {
      const copy = Buffer.from(bytes);
      copy[index] = (copy[index] ?? 0) ^ 1;
      return copy.toString('base64url');
    });
    const login1 = await signedInBrowser(app, await createUser(app));
    await login(login1, admin.user);
    const history = (await login1.request('/auth/login-history?limit=1')).json<{
      next_cursor: string;
    }>().next_cursor;
    for (const forged of [
      ...flipped,
      history,
      '',
      'a',
      good.slice(0, 20),
      `${good}A`,
      `${good}=`,
      Buffer.from(`a.${tag}@example.com`).toString('base64url'),
      Buffer.from(JSON.stringify({ email: 'a' })).toString('base64url'),
    ]) {
      const params = new URLSearchParams({ query: tag, cursor: forged });
      const { status, text } = await admin.request(`/users?${params}`);
      expect(status, `${forged} ${text}`).to.equal(400);
    }
    for (const query of ['', tag.slice(1), `${tag} `]) {
      const params = new URLSearchParams({ query, cursor: good });
      expect((await admin.request(`/users?${params}`)).status, query).to.equal(400);
    }
    expect((await admin.list({ query: tag, cursor: good })).users).to.have.lengthOf(1);
  });
});
