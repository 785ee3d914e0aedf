import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { Users } from '../../src/plugins/users/contract.ts';
import { meAt, refreshAt, tokensOf } from '../support/cookie-api.ts';
import { type Nodes, startNodes } from '../support/nodes.ts';
import { createUser, login, PASSWORD } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { storeKinds } from '../support/test-app.ts';

const PLUGIN = path.join(import.meta.dirname, 'plugins/die-after-statement.ts');

for (const store of storeKinds) {
  describe(`a process killed between a decision and its answer (SEC-45, I1–I3), ${store}`, () => {
    let nodes: Nodes;
    let folder: string;

    before(async function () {
      this.timeout(120_000);
      folder = await mkdtemp(path.join(tmpdir(), 'test-killed-'));
      nodes = await startNodes(store);
    });
    after(async () => {
      await nodes?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    /** A process that dies right after its next such statement. */
    const doomed = async (statement: string) => {
      const marker = path.join(folder, statement);
      const node = await nodes.start({ PLUGINS: PLUGIN, DIE_MARKER: marker });
      return { node, arm: () => writeFile(marker, statement) };
    };

    /** The request gets no answer, and the process is gone. */
    const expectDeath = async (
      { exited }: { readonly exited: Promise<number> },
      request: Promise<{ readonly status: number }>,
    ): Promise<void> => {
      const answer = await request.then(
        ({ status }) => status,
        () => 'none',
      );
      expect(answer).to.equal('none');
      expect(await exited).to.equal(128);
    };

    const rotationOf = async (grantId: unknown): Promise<number | undefined> => {
      const rows = await nodes.local.database.database.query<{ rotation: number }>(
        { name: 'test-rotation', text: 'SELECT rotation FROM grants WHERE id = $1' },
        [grantId],
      );
      return rows[0]?.rotation;
    };

    const signedIn = async () => {
      const browser = nodes.local.browser();
      const cookies = tokensOf(await login(browser, await createUser(nodes.local)));
      const rp = await createRelyingParty(nodes.local);
      return { browser, cookies, rp };
    };

    it('a cookie refresh cut off after its rotation succeeds elsewhere', async function () {
      this.timeout(60_000);
      const { node, arm } = await doomed('grants-rotate');
      const { cookies } = await signedIn();
      await arm();
      await expectDeath(node, refreshAt(node, cookies.refresh));
      expect(await rotationOf(decodeJwt(cookies.refresh)['gid'])).to.equal(1);
      const [first, second] = nodes.processes;
      const healed = tokensOf(await refreshAt(first, cookies.refresh));
      expect(tokensOf(await refreshAt(second, cookies.refresh)).refresh).to.equal(healed.refresh);
      expect((await meAt(second, healed.access)).status).to.equal(200);
      expect((await refreshAt(second, healed.refresh)).status).to.equal(200);
    });

    it('a client’s refresh cut off after its rotation costs a new sign-in without a password', async function () {
      this.timeout(60_000);
      const { node, arm } = await doomed('grants-rotate');
      const { browser, rp } = await signedIn();
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
      await arm();
      const refresh = body.refresh_token ?? '';
      await expectDeath(node, rp.refresh(refresh, {}, node));
      expect(await rotationOf(decodeJwt(body.access_token ?? '')['gid'])).to.equal(1);
      const [first] = nodes.processes;
      expect((await rp.refresh(refresh, {}, first)).body.error).to.equal('invalid_grant');
      const again = await rp.redeem(codeOf(await rp.authorize(browser, { prompt: 'none' })));
      expect((await rp.refresh(again.body.refresh_token ?? '')).status).to.equal(200);
    });

    it('a code cut off after its redemption is used up, and the next one works', async function () {
      this.timeout(60_000);
      const { node, arm } = await doomed('grants-redeem');
      const { browser, rp } = await signedIn();
      const code = codeOf(await rp.authorize(browser));
      await arm();
      await expectDeath(node, rp.redeem(code, {}, node));
      expect((await rp.redeem(code)).body.error).to.equal('invalid_grant');
      const again = await rp.redeem(codeOf(await rp.authorize(browser, { prompt: 'none' })));
      expect(again.status).to.equal(200);
    });

    it('a sign-in cut off after its session leaves nothing half done', async function () {
      this.timeout(60_000);
      const { node, arm } = await doomed('sessions-insert');
      const user = await createUser(nodes.local);
      await arm();
      await expectDeath(node, login(node.browser(), user));
      const rows = await nodes.local.database.database.query(
        { name: 'test-sessions', text: 'SELECT FROM sessions WHERE user_id = $1' },
        [user.id],
      );
      expect(rows).to.deep.equal([]);
      expect((await login(nodes.local.browser(), user)).status).to.equal(200);
    });

    it('the successor comes from another node after the first has answered and died', async function () {
      this.timeout(60_000);
      const mortal = await nodes.start();
      const { cookies } = await signedIn();
      const successor = tokensOf(await refreshAt(mortal, cookies.refresh));
      await mortal.kill();
      for (const node of nodes.processes) {
        const again = tokensOf(await refreshAt(node, cookies.refresh));
        expect(again.refresh).to.equal(successor.refresh);
      }
      expect((await refreshAt(nodes.local, successor.refresh)).status).to.equal(200);
    });

    it('who was told of a registration can sign in after the node has died (I3)', async function () {
      this.timeout(60_000);
      const mortal = await nodes.start();
      const emails = Array.from(
        { length: 40 },
        (_, index) => `person-${index}@killed-${store}.example`,
      );
      const acknowledged: string[] = [];
      const registering = emails.map(async (email) => {
        const answer = await mortal.browser().request('/auth/register', {
          json: { email, password: PASSWORD },
        });
        if (answer.status === 201) acknowledged.push(email);
        if (acknowledged.length === 10) await mortal.kill();
      });
      await Promise.allSettled(registering);
      expect(acknowledged.length).to.be.within(10, 39);
      const users = await nodes.local.app.use(Users).list({ query: `killed-${store}`, limit: 50 });
      expect(users.map(({ email }) => email)).to.include.members(acknowledged);
    });
  });
}
