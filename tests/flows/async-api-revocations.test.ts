/** The example API at a real server: who was let in a moment ago is refused within a second. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createRemoteJWKSet } from 'jose';
import { createApp } from '../../examples/async-api/app.ts';
import { createDenylist } from '../../examples/async-api/denylist.ts';
import { type Following, followRevocations } from '../../examples/async-api/follow-revocations.ts';
import { createOpenRevocations } from '../../examples/async-api/open-revocations.ts';
import { createAccessTokenVerifier } from '../../examples/async-api/verify-access-token.ts';
import { Clients } from '../../src/plugins/clients/contract.ts';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { eventually } from '../support/eventually.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { anotherNode, startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

/** Milliseconds. */
const LIMIT = 1_000;

for (const store of storeKinds) {
  describe(`examples/async-api at a server with its state store on ${store}`, () => {
    let app: TestApp;
    let other: TestApp;
    let following: Following;
    let api: Server;
    let url: string;

    before(async () => {
      app = await startTestApp({ store });
      other = await anotherNode(app);
      const { client, client_secret: clientSecret = '' } = await app.app.use(Clients).create({
        client_name: 'async-api',
        grant_types: ['client_credentials'],
        allowed_scopes: ['revocations'],
      });
      const { issuer } = app;
      const audience = `${issuer}/api`;
      const { add, denies } = createDenylist(Date.now);
      following = followRevocations({
        open: createOpenRevocations({ issuer, clientId: client.client_id, clientSecret }),
        denylist: { add },
        timing: {
          now: Date.now,
          sleep: (milliseconds) => sleep(milliseconds, undefined, { ref: false }),
          random: Math.random,
        },
        onFailure: () => undefined,
      });
      const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
      const verify = createAccessTokenVerifier({ issuer, audience, keys, now: () => new Date() });
      const { isCurrent } = following;
      const role = { scope: 'account', adminRole: 'reports' };
      const settings = { issuer, audience, ...role, baseUrl: audience };
      const listener = createApp(settings, { verify, revocations: { denies, isCurrent } });
      const callback = listener.callback();
      api = createServer((req, res) => void callback(req, res)).listen(0, '127.0.0.1');
      await once(api, 'listening');
      url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
      await eventually(isCurrent);
    });
    after(async () => {
      following.stop();
      api.close();
      await other.close();
      await app.close();
    });

    const statuses = async (token: string): Promise<number[]> =>
      Promise.all(
        ['/me', '/admin'].map(async (path) => {
          const headers = { authorization: `Bearer ${token}` };
          return (await fetch(`${url}${path}`, { headers })).status;
        }),
      );
    const expectRefused = (token: string) =>
      eventually(async () => expect(await statuses(token)).to.deep.equal([401, 401]), LIMIT);

    it('SEC-41 a demotion on another node is felt within a second', async () => {
      const user = await createUser(app, ['reports']);
      const browser = await signedInBrowser(app, user);
      const token = (await browser.cookie('authsrv-access')) ?? '';
      expect(await statuses(token)).to.deep.equal([200, 200]);
      await other.app.use(Roles).revoke(user.id, 'reports');
      await expectRefused(token);
      await browser.request('/auth/refresh', { method: 'POST' });
      const next = (await browser.cookie('authsrv-access')) ?? '';
      expect(await statuses(next), 'still a user').to.deep.equal([200, 403]);
    });

    it('SEC-40 so is a logout', async () => {
      const browser = await signedInBrowser(app, await createUser(app, ['reports']));
      const token = (await browser.cookie('authsrv-access')) ?? '';
      expect(await statuses(token)).to.deep.equal([200, 200]);
      await browser.request('/auth/logout', { method: 'POST' });
      await expectRefused(token);
    });
  });
}
