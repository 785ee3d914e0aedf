/** `GET /auth/revocations`: what an API must know to refuse tokens before they expire. */
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { Clients } from '../../src/plugins/clients/contract.ts';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { type ApiClient, createApiClient } from '../support/api-client.ts';
import type { EventStream } from '../support/event-stream.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty } from '../support/relying-party.ts';
import { anotherNode, startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const MEMBERS = ['id', 'sub', 'sid', 'gid', 'jti', 'roles_ver', 'exp'];

for (const store of storeKinds) {
  describe(`GET /auth/revocations, state store on ${store}`, () => {
    let app: TestApp;
    let other: TestApp;
    let api: ApiClient;
    let open: EventStream[];

    before(async () => {
      app = await startTestApp({ store });
      other = await anotherNode(app);
    });
    beforeEach(async () => {
      open = [];
      api = await createApiClient(app);
    });
    afterEach(() => {
      for (const stream of open) stream.close();
    });
    after(async () => {
      await other.close();
      await app.close();
    });

    const follow = async (...asked: Parameters<ApiClient['follow']>): Promise<EventStream> => {
      const stream = await api.follow(...asked);
      open.push(stream);
      return stream;
    };
    const followed = async (node: TestApp): Promise<EventStream> => {
      const stream = await follow(node);
      await stream.ready();
      return stream;
    };

    async function accessToken() {
      const user = await createUser(app, ['editor']);
      const browser = await signedInBrowser(app, user);
      return { user, browser, claims: decodeJwt((await browser.cookie('authsrv-access')) ?? '') };
    }

    it('SEC-41 tells of a demotion within a second, on the node that did it and on another', async () => {
      const streams = [await followed(app), await followed(other)];
      const { user, claims } = await accessToken();
      await app.app.use(Roles).revoke(user.id, 'editor');
      for (const stream of streams) {
        const { data } = await stream.find(({ roles_ver: version, sub }) => {
          return sub === user.id && Number(version) > Number(claims['roles_ver']);
        });
        expect(data).to.have.all.keys('id', 'sub', 'roles_ver', 'exp');
        expect(data['roles_ver']).to.equal(Number(claims['roles_ver']) + 1);
      }
    });

    it('SEC-40 tells of ended sessions, grants and tokens, and nothing about their users', async () => {
      const [here, there] = [await followed(app), await followed(other)];
      const { browser, claims } = await accessToken();
      const rp = await createRelyingParty(app);
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser)));
      const theirs = decodeJwt(body.access_token ?? '');
      await rp.post('/oidc/revoke', { token: body.access_token ?? '' });
      await browser.request('/auth/logout', { method: 'POST' });
      for (const stream of [here, there]) {
        await stream.find(({ jti }) => jti === theirs.jti);
        await stream.find(({ gid }) => gid === theirs['gid']);
        await stream.find(({ sid }) => sid === claims['sid']);
        for (const { data } of stream.events) expect(MEMBERS).to.include.members(Object.keys(data));
      }
    });

    it('is an event stream that nobody keeps or holds back, with ids to go on from', async () => {
      const stream = await followed(app);
      expect(stream.status).to.equal(200);
      expect(stream.headers.get('content-type')).to.match(/^text\/event-stream/);
      expect(stream.headers.get('cache-control')).to.equal('no-store');
      expect(stream.headers.get('x-accel-buffering')).to.equal('no');
      expect(stream.headers.get('x-request-id')).to.be.a('string');
      expect(stream.retry).to.equal(1000);
      for (const { id, data } of stream.events) {
        expect(id).to.match(/^\d+-\d+$/);
        expect(data['id']).to.equal(id);
      }
    });

    it('begins with what was denied before, and goes on from Last-Event-ID at any node (I2)', async () => {
      const { user } = await accessToken();
      await app.app.use(Roles).revoke(user.id, 'editor');
      const first = await followed(other);
      await first.find(({ sub }) => sub === user.id);
      first.close();
      const { lastEventId } = first;
      const roles = app.app.use(Roles);
      for (let round = 0; round < 3; round += 1) {
        await roles.grant(user.id, 'editor');
        await roles.revoke(user.id, 'editor');
      }
      const second = await follow(app, { lastEventId });
      await second.ready();
      const versions = second.events
        .filter(({ data }) => data['sub'] === user.id)
        .map(({ data }) => Number(data['roles_ver']));
      const latest = Number(versions.at(-1));
      expect(versions.slice(-6), 'each, in order').to.deep.equal(
        [5, 4, 3, 2, 1, 0].map((before) => latest - before),
      );
      const all = await followed(app);
      await all.find(({ roles_ver: version, sub }) => sub === user.id && version === latest);
      expect(second.events.length, 'not from the beginning').to.be.lessThan(all.events.length);
    });

    it('takes any Last-Event-ID: what it cannot read begins at the beginning', async () => {
      const { user } = await accessToken();
      await app.app.use(Roles).revoke(user.id, 'editor');
      const strange = ['0', 'x', '1-2-3', `${'9'.repeat(40)}-1`, `${'9'.repeat(19)}-1`, '-1'];
      for (const lastEventId of strange) {
        const stream = await follow(app, { lastEventId });
        expect(stream.status, lastEventId).to.equal(200);
        await stream.ready();
        await stream.find(({ sub }) => sub === user.id);
      }
    });

    it('answers HEAD without a stream', async () => {
      const headers = { authorization: `Bearer ${await api.token()}` };
      const options = { method: 'HEAD', headers, anonymous: true };
      const answer = await app.browser().request('/auth/revocations', options);
      expect(answer.status).to.equal(200);
      expect(answer.headers.get('content-type')).to.match(/^text\/event-stream/);
    });

    describe('is for clients that were registered for it', () => {
      const expectProblem = (stream: EventStream, status: number): void => {
        expect(stream.status, stream.text).to.equal(status);
        expect(stream.headers.get('content-type')).to.match(/^application\/problem\+json/);
      };

      it('SEC-60 not for users: neither their cookies nor any token of theirs', async () => {
        const { browser } = await accessToken();
        expect((await browser.request('/auth/revocations')).status).to.equal(403);
        expectProblem(
          await follow(app, { token: (await browser.cookie('authsrv-access')) ?? '' }),
          403,
        );
        expectProblem(await follow(app, { token: 'x.y.z' }), 401);
        expect((await app.browser().request('/auth/revocations')).status).to.equal(401);
      });

      it('SEC-60 not for the tokens that users give to such a client: nobody can give the scope', async () => {
        const { browser } = await accessToken();
        for (const first_party of [true, false]) {
          const rp = await createRelyingParty(app, {
            grant_types: ['authorization_code', 'client_credentials', 'refresh_token'],
            allowed_scopes: ['revocations', 'account'],
            first_party,
          });
          const scope = 'openid account revocations';
          let answer = await rp.authorize(browser, { scope });
          if (!first_party) {
            expect(answer.text).to.include('See your account').and.not.include('revocations');
            answer = await browser.submit(answer, {}, ({ action }) => action.endsWith('/allow'));
          }
          const { body } = await rp.redeem(codeOf(answer));
          expect(decodeJwt(body.access_token ?? '')['scope']).to.equal('openid account');
          expectProblem(await follow(app, { token: body.access_token ?? '' }), 403);
          const again = await rp.refresh(body.refresh_token ?? '', { scope });
          expect(again.body).to.include({ error: 'invalid_scope', scope: 'revocations' });
        }
      });

      it('SEC-60 not without the scope, which not every client gets', async () => {
        expectProblem(await follow(app, { token: await api.token('') }), 403);
        const other = await createApiClient(app, ['reports']);
        expectProblem(await follow(app, { token: await other.token('reports') }), 403);
        expect(decodeJwt(await other.token('revocations reports'))['scope']).to.equal('reports');
      });

      it('not for one that was deleted, though its token has not expired', async () => {
        const token = await api.token();
        await app.app.use(Clients).delete(api.clientId);
        expectProblem(await follow(app, { token }), 401);
      });
    });
  });
}
