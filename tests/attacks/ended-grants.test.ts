/** Access tokens of a grant that has ended, at our own API (a client with the scope `account`). */
import { expect } from 'chai';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import { Clients } from '../../src/plugins/clients/contract.ts';
import { Consents } from '../../src/plugins/consent/contract.ts';
import { Grants } from '../../src/plugins/grants/contract.ts';
import type { Storage } from '../../src/storage/open-storage.ts';
import { ageRedemptions } from '../support/ageing.ts';
import type { Browser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { anotherNode, startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';
import { decodeToken } from './forged-token.ts';

/** Milliseconds: by message, and by reading PostgreSQL when no message arrives. */
const BY_MESSAGE = 1_000;
const BY_READING = 5_500;

interface Tokens {
  readonly userId: string;
  readonly code: string;
  readonly access: string;
  readonly refresh: string;
}

for (const store of storeKinds) {
  describe(`access tokens of ended grants, state store on ${store}`, () => {
    let app: TestApp;
    let other: TestApp;
    let rp: RelyingParty;
    let browser: Browser;
    let isCut = false;

    /** Messages to other nodes that can be lost. */
    const wrapStorage = (storage: Storage): Storage => ({
      ...storage,
      store: {
        ...storage.store,
        publish: async (channel, message) => {
          if (isCut) throw new StoreUnavailable('cut');
          await storage.store.publish(channel, message);
        },
      },
    });

    before(async () => {
      app = await startTestApp({ store, wrapStorage });
      other = await anotherNode(app);
    });
    beforeEach(async () => {
      isCut = false;
      rp = await createRelyingParty(app, { allowed_scopes: ['account'] });
    });
    after(async () => {
      await other.close();
      await app.close();
    });

    async function tokens(): Promise<Tokens> {
      const user = await createUser(app);
      browser = await signedInBrowser(app, user);
      const code = codeOf(await rp.authorize(browser, { scope: 'openid account' }));
      const { body } = await rp.redeem(code);
      const { access_token: access = '', refresh_token: refresh = '' } = body;
      return { userId: user.id, code, access, refresh };
    }

    const status = async (node: TestApp, token: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` };
      return (await node.browser().request('/auth/me', { headers, anonymous: true })).status;
    };

    async function expectRefused(token: string, within: number): Promise<void> {
      expect(await status(app, token), 'on the node that did it').to.equal(401);
      await eventually(async () => (await status(other, token)) === 401, within);
    }

    const ends: Readonly<Record<string, (given: Tokens) => Promise<unknown>>> = {
      'its code was used twice': async ({ code, userId }) => {
        await ageRedemptions(app, userId, 3);
        return rp.redeem(code);
      },
      'its client was deleted': () => app.app.use(Clients).delete(rp.client.client_id),
      'its consent was withdrawn': ({ userId }) =>
        app.app.use(Consents).withdraw(userId, rp.client.client_id),
      'its refresh token was revoked': ({ refresh }) => rp.post('/oidc/revoke', { token: refresh }),
      'another access token of it was revoked': async ({ refresh }) => {
        const { body } = await rp.refresh(refresh);
        return rp.post('/oidc/revoke', { token: body.access_token ?? '' });
      },
      'its grant was ended': ({ access }) =>
        app.app.use(Grants).end(String(decodeToken(access).claims['gid']), 'test'),
    };

    for (const [name, end] of Object.entries(ends)) {
      it(`SEC-40 are refused on every node within 1 s once ${name} (I2)`, async () => {
        const [one, another] = [await tokens(), await tokens()];
        for (const node of [app, other]) expect(await status(node, one.access)).to.equal(200);
        await end(one);
        await expectRefused(one.access, BY_MESSAGE);
        const survives = name !== 'its client was deleted';
        expect(await status(app, another.access)).to.equal(survives ? 200 : 401);
        expect((await browser.request('/auth/me')).status, 'the session').to.equal(200);
      });
    }

    it('SEC-40 are refused within 5 s when no message gets through (I2)', async () => {
      const { access, refresh } = await tokens();
      isCut = true;
      await rp.post('/oidc/revoke', { token: refresh });
      expect(await status(other, access), 'nobody has told it').to.equal(200);
      await expectRefused(access, BY_READING);
    });

    it('SEC-40 leave no row behind when none can be valid any more', async () => {
      const { access, userId } = await tokens();
      const gid = String(decodeToken(access).claims['gid']);
      await app.storage.db.orm.query(
        `UPDATE grants SET created_at = created_at - interval '1 hour',
         code_used_at = code_used_at - interval '1 hour' WHERE id = '${gid}'`,
      );
      await app.app.use(Consents).withdraw(userId, rp.client.client_id);
      const [rows] = await app.storage.db.orm.query(
        `SELECT 1 FROM revocations WHERE gid = '${gid}'`,
      );
      expect(rows).to.deep.equal([]);
    });
  });
}
