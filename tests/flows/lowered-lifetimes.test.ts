/** ACCESS_TOKEN_TTL is changed while tokens of before live: whatever was taken away stays away. */
import { hash } from 'node:crypto';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { Grants } from '../../src/plugins/grants/contract.ts';
import { createGrantModel } from '../../src/plugins/grants/model.ts';
import { createSweeper } from '../../src/plugins/grants/sweeper.ts';
import { Revocations } from '../../src/plugins/revocations/contract.ts';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { Sessions } from '../../src/plugins/sessions/contract.ts';
import { systemClock } from '../../src/system.ts';
import { createApiClient } from '../support/api-client.ts';
import { meAt } from '../support/cookie-api.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/** Tables in which PostgreSQL's clock decides, and their times. */
const TIMES = {
  revocations: ['created_at', 'expires_at'],
  lifetimes_in_use: ['used_until'],
  grants: ['created_at', 'code_used_at', 'rotated_at'],
};

describe('a lifetime of access tokens that is lowered', () => {
  let first: TestApp;
  const later: TestApp[] = [];

  before(async () => {
    first = await startTestApp({ settings: { ACCESS_TOKEN_TTL: '3600' } });
  });
  beforeEach(async () => {
    await run('DELETE FROM revocations');
    await run('DELETE FROM lifetimes_in_use');
    // As the first node does every minute.
    await run(`INSERT INTO lifetimes_in_use
      VALUES ('ACCESS_TOKEN_TTL', 3600, clock_timestamp() + interval '1 hour')`);
  });
  afterEach(async () => {
    for (const node of later.splice(0)) await node.close();
  });
  after(() => first.close());

  const nodeWith = async (seconds: number): Promise<TestApp> => {
    const node = await startTestApp({
      settings: { ACCESS_TOKEN_TTL: String(seconds) },
      database: first.database,
      path: '',
      origin: first.issuer,
    });
    later.push(node);
    return node;
  };

  const run = (text: string): Promise<object[]> =>
    first.database.database.query({ name: `test-${hash('sha1', text)}`, text }, []);
  /** So many seconds go by for all that is written down. */
  async function pass(seconds: number): Promise<void> {
    for (const [table, columns] of Object.entries(TIMES)) {
      const changes = columns.map((one) => `${one} = ${one} - interval '${seconds} seconds'`);
      await run(`UPDATE ${table} SET ${changes.join()}`);
    }
  }

  const person = async () => {
    const user = await createUser(first, ['editor']);
    const browser = await signedInBrowser(first, user);
    const token = (await browser.cookie('authsrv-access')) ?? '';
    return { user, browser, token, claims: decodeJwt(token) };
  };
  const signOut = async (node: TestApp, token: string): Promise<void> => {
    const uid = decodeJwt(token)['sid'] as string;
    await node.app.use(Sessions).end(uid, 'logout');
  };

  it('C5 SEC-40 denies what was revoked before, at nodes that start with the lower one', async () => {
    const { token, browser } = await person();
    expect((await meAt(first, token)).status).to.equal(200);
    await browser.request('/auth/logout', { method: 'POST' });
    expect((await meAt(first, token)).status).to.equal(401);
    await pass(300);
    expect((await meAt(await nodeWith(30), token)).status).to.equal(401);
    // Nor has that one swept it away for others.
    expect((await meAt(await nodeWith(3600), token)).status).to.equal(401);
  });

  it('C5 SEC-40 denies what is revoked afterwards, of tokens from before', async () => {
    const { token } = await person();
    const lowered = await nodeWith(30);
    await signOut(lowered, token);
    await pass(300);
    expect((await meAt(await nodeWith(30), token)).status).to.equal(401);
    expect(lowered.app.use(Revocations).denies(decodeJwt(token))).to.equal(true);
  });

  it('C5 SEC-41 denies roles of before, as long as a token can say them', async () => {
    const { user, token } = await person();
    const lowered = await nodeWith(30);
    await lowered.app.use(Roles).revoke(user.id, 'editor');
    await pass(300);
    expect((await meAt(await nodeWith(30), token)).status).to.equal(401);
  });

  it('C5 forgets once the last token of the former lifetime has expired, and not when a node starts with it again', async () => {
    const { token, claims } = await person();
    const lowered = await nodeWith(30);
    await signOut(lowered, token);
    await pass(3600 + 50);
    expect((await nodeWith(30)).app.use(Revocations).denies(claims)).to.equal(true);
    await pass(20);
    expect((await nodeWith(30)).app.use(Revocations).denies(claims)).to.equal(false);
    expect((await nodeWith(3600)).app.use(Revocations).denies(claims)).to.equal(false);
    expect(await run('SELECT FROM revocations')).to.deep.equal([]);
  });

  it('C5 keeps no longer than that what is revoked long after: the last token is the limit', async () => {
    const { token, claims } = await person();
    // The first node has been gone for longer than any token of its lives.
    await pass(3600 + 1800);
    const lowered = await nodeWith(30);
    await run("DELETE FROM lifetimes_in_use WHERE used_until + interval '1 hour' < now()");
    await signOut(lowered, token);
    const rows = await run(`SELECT FROM revocations WHERE sid = '${String(claims['sid'])}'
      AND expires_at > now() + interval '1 hour'`);
    expect(rows).to.deep.equal([]);
  });

  it('C5 counts rows of the version before, which say no end, by their age and every lifetime in use', async () => {
    const { token } = await person();
    await signOut(first, token);
    await run('UPDATE revocations SET expires_at = NULL');
    await pass(300);
    expect((await meAt(await nodeWith(30), token)).status).to.equal(401);
    await pass(3600);
    await nodeWith(30);
    expect(await run('SELECT FROM revocations')).to.deep.equal([]);
  });

  it('C5 SEC-47 knows of a grant that it may have tokens of the former lifetime, and denies them', async () => {
    const { browser } = await person();
    const rp = await createRelyingParty(first);
    const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
    const { gid } = decodeJwt<{ gid: string }>(body.access_token ?? '');
    const lowered = await nodeWith(30);
    await pass(300);
    await lowered.app.use(Grants).end(gid, 'revoked');
    expect(lowered.app.use(Revocations).denies({ gid })).to.equal(true);
    expect((await nodeWith(30)).app.use(Revocations).denies({ gid })).to.equal(true);
  });

  it('C5 keeps a grant that is over as long as tokens of it may be denied', async () => {
    await run(
      `INSERT INTO lifetimes_in_use VALUES ('ACCESS_TOKEN_TTL', 259200, now() + interval '1 hour')`,
    );
    const { user } = await person();
    const { database } = first.database;
    const sweep = createSweeper({ grants: createGrantModel(database, 30), clock: systemClock });
    const left = async (hours: number): Promise<number> => {
      await run(`UPDATE grants SET expires_at = now() - interval '${hours} hours'`);
      await sweep();
      return (await run(`SELECT FROM grants WHERE user_id = '${user.id}'`)).length;
    };
    expect(await left(70)).to.equal(1);
    expect(await left(73)).to.equal(0);
  });

  it('C5 tells followers of what was revoked before, and until when it matters', async () => {
    const { token, claims } = await person();
    await signOut(first, token);
    await pass(300);
    const lowered = await nodeWith(30);
    const stream = await (await createApiClient(lowered)).follow(lowered);
    const { data } = await stream.find(({ sid }) => sid === claims['sid']);
    stream.close();
    // It was written less than 300 s and a little ago.
    expect(Number(data['exp'])).to.be.within(Number(claims.exp) - 300, Number(claims.exp) + 600);
  });
});
