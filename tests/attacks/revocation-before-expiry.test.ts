import { expect } from 'chai';
import { z } from 'zod';
import { definePlugin } from '../../src/kernel/plugin.ts';
import { access, defineRoute } from '../../src/kernel/route.ts';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import { eventually } from '../support/eventually.ts';
import { createUser, createUserNamed, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { anotherNode, startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { decodeToken, resign } from './forged-token.ts';

/** Milliseconds after which no node may take a revoked token any more (SEC-40). */
const LIMIT = 5_000;

/** A route as `/users` and `/roles` will have it. */
const administration = definePlugin({
  name: 'test-administration',
  kernel: 1,
  settings: z.object({}),
  setup: () => ({
    routes: [
      defineRoute({
        method: 'post',
        path: '/test-administration',
        access: access.role('superuser'),
        summary: 'Needs the role superuser',
        success: { status: 204 },
        problems: [],
        handle: async () => ({}),
      }),
    ],
  }),
});

for (const store of storeKinds) {
  describe(`tokens before they expire, state store on ${store}`, () => {
    let app: TestApp;
    let other: TestApp;

    before(async () => {
      app = await startTestApp({ store, plugins: [administration] });
      other = await anotherNode(app);
    });
    after(async () => {
      await other.close();
      await app.close();
    });

    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

    const status = async (node: TestApp, token: string, path = '/auth/me'): Promise<number> =>
      (await node.browser().request(path, { headers: bearer(token), anonymous: true })).status;

    const administrate = async (node: TestApp, token: string): Promise<number> => {
      const options = { method: 'POST', headers: bearer(token), anonymous: true };
      return (await node.browser().request('/test-administration', options)).status;
    };

    async function accessTokenOf(user: User): Promise<string> {
      return (await (await signedInBrowser(app, user)).cookie('authsrv-access')) ?? '';
    }

    /** This node refuses at once, the other within the limit. */
    async function expectRefused(token: string): Promise<void> {
      expect(await status(app, token), 'on the node that did it').to.equal(401);
      await eventually(async () => (await status(other, token)) === 401, LIMIT);
      expect(await status(other, token, '/oidc/userinfo'), 'userinfo').to.equal(401);
    }

    it('SEC-40 logout ends access tokens on every node', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      const token = (await browser.cookie('authsrv-access')) ?? '';
      expect(await status(other, token)).to.equal(200);
      await browser.request('/auth/logout', { method: 'POST' });
      await expectRefused(token);
    });

    it('SEC-40 logout on the page ends access tokens on every node', async () => {
      const browser = await signedInBrowser(app, await createUser(app));
      const token = (await browser.cookie('authsrv-access')) ?? '';
      expect(await status(other, token)).to.equal(200);
      await browser.submit(await browser.open('/oidc/logout'), { logout: 'yes' });
      await expectRefused(token);
    });

    it('SEC-40 disabling a user ends all of their access tokens on every node', async () => {
      const user = await createUser(app);
      const tokens = [await accessTokenOf(user), await accessTokenOf(user)];
      for (const token of tokens) expect(await status(other, token)).to.equal(200);
      await app.app.use(Users).disable(user.id);
      for (const token of tokens) await expectRefused(token);
      await app.app.use(Users).enable(user.id);
      for (const token of tokens) await expectRefused(token);
    });

    it('SEC-40 granting and revoking a role makes access tokens with the old roles stale', async () => {
      const user = await createUser(app, ['editor']);
      const roles = app.app.use(Roles);
      await roles.create({ name: `auditor-${store}` });
      for (const change of [
        () => roles.grant(user.id, `auditor-${store}`),
        () => roles.revoke(user.id, 'editor'),
      ]) {
        const browser = await signedInBrowser(app, user);
        const token = (await browser.cookie('authsrv-access')) ?? '';
        expect(await status(other, token)).to.equal(200);
        await change();
        expect(await status(app, token)).to.equal(401);
        await eventually(async () => (await status(other, token)) === 401, LIMIT);
        // The session lives: the next access token says the new roles.
        expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
        const next = (await browser.cookie('authsrv-access')) ?? '';
        expect(await status(other, next)).to.equal(200);
        expect(decodeToken(next).claims['roles']).to.deep.equal(await roles.namesOf(user.id));
      }
    });

    it('SEC-40 a role change reaches introspection and userinfo too (Keycloak CVE-2026-8922)', async () => {
      const user = await createUser(app, ['editor']);
      const rp = await createRelyingParty(app);
      const browser = await signedInBrowser(app, user);
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
      const token = body.access_token ?? '';
      const active = async (node: TestApp): Promise<unknown> =>
        (await rp.post('/oidc/introspect', { token }, {}, node)).json()['active'];
      expect(await active(app)).to.equal(true);
      await app.app.use(Roles).revoke(user.id, 'editor');
      expect(await active(app)).to.equal(false);
      expect(await status(app, token, '/oidc/userinfo')).to.equal(401);
      await eventually(async () => (await active(other)) === false, LIMIT);
    });

    it('SEC-41 a role is looked up for every request: demoted behind our back, refused at once', async () => {
      const user = await createUser(app, ['superuser']);
      const token = await accessTokenOf(user);
      expect(await administrate(app, token)).to.equal(204);
      expect(await administrate(other, token)).to.equal(204);
      // Not by the service, which would put the token on the denylist.
      await app.storage.db.orm.query(`DELETE FROM user_roles WHERE user_id = '${user.id}'`);
      expect(decodeToken(token).claims['roles']).to.deep.equal(['superuser']);
      expect(await administrate(app, token)).to.equal(403);
      expect(await administrate(other, token)).to.equal(403);
    });

    it('SEC-41 demoting by the service refuses the very next write with the old token', async () => {
      await createUser(app, ['superuser']);
      const user = await createUser(app, ['superuser']);
      const token = await accessTokenOf(user);
      expect(await administrate(app, token)).to.equal(204);
      await app.app.use(Roles).revoke(user.id, 'superuser');
      expect(await administrate(app, token)).to.equal(401);
    });

    it('SEC-41 roles that a token of ours claims by mistake open nothing', async () => {
      const token = await accessTokenOf(await createUser(app));
      const claims = { roles: ['superuser'], role: 'superuser', scope: 'account admin' };
      expect(await administrate(app, await resign(app, token, { claims }))).to.equal(403);
    });

    it('SEC-41 a superuser who is disabled behind our back is refused at once', async () => {
      const user = await createUser(app, ['superuser']);
      const token = await accessTokenOf(user);
      expect(await administrate(app, token)).to.equal(204);
      await app.storage.db.orm.query(
        `UPDATE users SET disabled_at = now() WHERE id = '${user.id}'`,
      );
      expect(await administrate(app, token)).to.equal(403);
    });

    it('SEC-39 sub is a UUID that stays when the e-mail, name or roles change', async () => {
      const user = await createUser(app);
      expect(user.id).to.match(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      const subject = async (one: User): Promise<unknown> =>
        decodeToken(await accessTokenOf(one)).claims['sub'];
      expect(await subject(user)).to.equal(user.id);
      const email = `moved-${user.email}`;
      await app.storage.db.orm.query(
        `UPDATE users SET email = '${email}', email_canonical = '${email}' WHERE id = '${user.id}'`,
      );
      await app.app.use(Users).update(user.id, { name: 'Somebody Else' });
      expect(await subject({ ...user, email })).to.equal(user.id);
    });

    it('SEC-39 a user who is deleted and registers again is somebody else', async () => {
      const first = await createUser(app, ['editor']);
      const browser = await signedInBrowser(app, first);
      const token = (await browser.cookie('authsrv-access')) ?? '';
      await app.storage.db.orm.query(`DELETE FROM users WHERE id = '${first.id}'`);
      const second = await createUserNamed(app, first.email);
      expect(second.id).not.to.equal(first.id);
      const claims = decodeToken(await accessTokenOf(second)).claims;
      expect(claims['sub']).to.equal(second.id);
      expect(claims['roles']).to.deep.equal([]);
      // What the first one left behind leads to nobody, least of all to the second.
      expect(await status(app, token)).to.equal(401);
      expect(await status(app, token, '/oidc/userinfo')).to.equal(401);
      expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
    });
  });
}
