/** A client asks about and ends its own tokens only (RFC 7662 §2.1, RFC 7009 §2.1). */
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { Clients } from '../../src/plugins/clients/contract.ts';
import { Consents } from '../../src/plugins/consent/contract.ts';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { Sessions } from '../../src/plugins/sessions/contract.ts';
import { type User, Users } from '../../src/plugins/users/contract.ts';
import type { Browser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

interface Person {
  readonly user: User;
  readonly client: RelyingParty;
  readonly sid: string;
}

for (const store of storeKinds) {
  describe(`introspection and revocation, state store on ${store}`, () => {
    let app: TestApp;
    let browser: Browser;
    let rp: RelyingParty;
    let other: RelyingParty;

    before(async () => {
      app = await startTestApp({ store });
      browser = await signedInBrowser(app, await createUser(app));
      rp = await createRelyingParty(app);
      other = await createRelyingParty(app);
    });
    after(() => app.close());

    const tokens = async (as = rp) => {
      const { body } = await as.redeem(codeOf(await as.authorize(browser)));
      return { access: body.access_token ?? '', refresh: body.refresh_token ?? '' };
    };

    const introspect = async (token: string, as = rp, extra: Record<string, string> = {}) => {
      const answer = await as.post('/oidc/introspect', { token, ...extra });
      expect(answer.status).to.equal(200);
      return answer.json();
    };
    const revoke = (token: string, as = rp, extra: Record<string, string> = {}) =>
      as.post('/oidc/revoke', { token, ...extra });

    const userinfoStatus = async (token: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` };
      return (await app.browser().request('/oidc/userinfo', { headers })).status;
    };

    it('SEC-64: a client sees its own tokens', async () => {
      const { access, refresh } = await tokens();
      const claims = decodeJwt(access);
      expect(await introspect(access)).to.deep.include({
        active: true,
        sub: claims.sub,
        client_id: rp.client.client_id,
        scope: 'openid profile email',
        iss: app.issuer,
        exp: claims.exp,
        token_type: 'Bearer',
      });
      expect(await introspect(refresh)).to.include({ active: true });
    });

    it("SEC-64: another client's tokens are `active: false` and nothing more", async () => {
      const { access, refresh } = await tokens();
      for (const hint of [{}, { token_type_hint: 'access_token' }, { token_type_hint: 'x' }]) {
        expect(await introspect(access, other, hint)).to.deep.equal({ active: false });
        expect(await introspect(refresh, other, hint)).to.deep.equal({ active: false });
      }
    });

    it('SEC-64: an API that may introspect sees the tokens made for it', async () => {
      const api = await createRelyingParty(app, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
        allowed_scopes: ['introspect'],
      });
      const { access } = await tokens();
      expect(await introspect(access, api)).to.include({ active: true });
    });

    const unknown = (): Record<string, string> => ({
      nothing: 'x',
      'an opaque value': 'a'.repeat(43),
      'a JWT of nobody': 'eyJhbGciOiJub25lIn0.e30.',
      'a JWT of three dots': 'a.b.c',
      'a very long value': 'a'.repeat(20_000),
      NUL: 'a\u0000b',
      'a path': '../../etc/passwd',
    });

    for (const [name, token] of Object.entries(unknown())) {
      it(`SEC-64: ${name} is \`active: false\`, and revoking it succeeds`, async () => {
        for (const hint of [{}, { token_type_hint: 'refresh_token' }]) {
          expect(await introspect(token, rp, hint)).to.deep.equal({ active: false });
          const revoked = await revoke(token, rp, hint);
          expect(revoked.status).to.equal(200);
          expect(revoked.text).to.equal('');
        }
      });
    }

    it('SEC-64: a token whose signature was changed is `active: false`', async () => {
      const { access } = await tokens();
      const [header, payload = '', signature = ''] = access.split('.');
      const flipped = signature.startsWith('A')
        ? `B${signature.slice(1)}`
        : `A${signature.slice(1)}`;
      expect(await introspect(`${header}.${payload}.${flipped}`)).to.deep.equal({ active: false });
      expect(await introspect(`${header}.${payload}.`)).to.deep.equal({ active: false });
    });

    it("SEC-64: another client's tokens cannot be revoked", async () => {
      const { access, refresh } = await tokens();
      for (const token of [access, refresh]) {
        const answer = await revoke(token, other);
        expect(answer.status).to.be.oneOf([200, 400]);
        expect(answer.text).not.to.contain(rp.client.client_id);
      }
      expect(await introspect(access)).to.include({ active: true });
      expect((await rp.refresh(refresh)).status).to.equal(200);
    });

    it('SEC-64: a revoked access token is dead here at once, and its grant with it', async () => {
      const { access, refresh } = await tokens();
      expect((await revoke(access)).status).to.equal(200);
      expect(await introspect(access)).to.deep.equal({ active: false });
      expect(await userinfoStatus(access)).to.equal(401);
      expect((await rp.refresh(refresh)).body.error).to.equal('invalid_grant');
    });

    it('SEC-64: a revoked refresh token ends the grant: its access token as well', async () => {
      const { access, refresh } = await tokens();
      expect(await userinfoStatus(access)).to.equal(200);
      expect((await revoke(refresh, rp, { token_type_hint: 'refresh_token' })).status).to.equal(
        200,
      );
      expect((await rp.refresh(refresh)).body.error).to.equal('invalid_grant');
      expect(await userinfoStatus(access)).to.equal(401);
      expect(await introspect(access)).to.deep.equal({ active: false });
    });

    it("SEC-64: revoking one client's token leaves the person signed in elsewhere", async () => {
      const mine = await tokens();
      const theirs = await tokens(other);
      await revoke(mine.refresh);
      expect(await userinfoStatus(theirs.access)).to.equal(200);
      expect((await other.refresh(theirs.refresh)).status).to.equal(200);
      expect((await browser.request('/auth/me')).status).to.equal(200);
    });

    describe('every cutoff counts (Keycloak CVE-2026-8922)', () => {
      const cutoffs: Record<string, (person: Person) => Promise<unknown>> = {
        'the user is disabled': ({ user }) => app.app.use(Users).disable(user.id),
        'the session ends': ({ sid }) => app.app.use(Sessions).end(sid, 'test'),
        'consent is withdrawn': ({ user, client }) =>
          app.app.use(Consents).withdraw(user.id, client.client.client_id),
        'the client is deleted': ({ client }) =>
          app.app.use(Clients).delete(client.client.client_id),
        'the roles change': async ({ user }) => {
          const name = `role-${user.id.slice(0, 8)}`;
          await app.app.use(Roles).create({ name });
          await app.app.use(Roles).grant(user.id, name);
        },
      };
      for (const [name, cutOff] of Object.entries(cutoffs)) {
        it(`SEC-64 Keycloak CVE-2026-8922: ${name}`, async () => {
          const api = await createRelyingParty(app, {
            grant_types: ['client_credentials'],
            redirect_uris: [],
            allowed_scopes: ['introspect'],
          });
          const user = await createUser(app);
          const client = await createRelyingParty(app);
          const own = await signedInBrowser(app, user);
          const { body } = await client.redeem(codeOf(await client.authorize(own)));
          const token = body.access_token ?? '';
          expect(await introspect(token, api)).to.include({ active: true });
          await cutOff({ user, client, sid: String(decodeJwt(token)['sid']) });
          await eventually(async () =>
            expect(await introspect(token, api)).to.deep.equal({ active: false }),
          );
        });
      }
    });

    it('SEC-64: a token of the REST API is nobody else’s to see or to end', async () => {
      const access = (await browser.cookie('authsrv-access')) ?? '';
      const refresh = (await browser.cookie('authsrv-refresh')) ?? '';
      for (const token of [access, refresh]) {
        expect(token).to.match(/^ey/);
        expect(await introspect(token)).to.deep.equal({ active: false });
        await revoke(token);
      }
      expect((await browser.request('/auth/me')).status).to.equal(200);
    });

    it('SEC-64: nobody asks or revokes without authentication', async () => {
      const { access } = await tokens();
      for (const path of ['/oidc/introspect', '/oidc/revoke']) {
        for (const fields of [{}, { client_id: rp.client.client_id }, { client_id: 'unknown' }]) {
          const answer = await app.browser().request(path, { form: { token: access, ...fields } });
          expect(answer.status).to.be.oneOf([400, 401]);
        }
        const get = await app.browser().request(`${path}?token=${access}`);
        expect(get.status).to.be.oneOf([404, 405]);
      }
      expect(await introspect(access)).to.include({ active: true });
    });

    it('SEC-51 D2 a token that a client got for itself is not active once the client is deleted', async () => {
      const machine = { grant_types: ['client_credentials' as const], redirect_uris: [] };
      const gone = await createRelyingParty(app, machine);
      const server = await createRelyingParty(app, { ...machine, allowed_scopes: ['introspect'] });
      const { access_token: token = '' } = (await gone.token({ grant_type: 'client_credentials' }))
        .body;
      const ask = async (value: string) =>
        (await server.post('/oidc/introspect', { token: value })).json();
      expect(await ask(token)).to.include({ active: true });
      await app.app.use(Clients).delete(gone.client.client_id);
      expect(await ask(token)).to.deep.equal({ active: false });
      const own = (await browser.cookie('authsrv-access')) ?? '';
      expect(await ask(own), 'of a REST login').to.include({ active: true });
    });

    it('SEC-58: token twice, none or a huge one is an invalid request', async () => {
      const { access } = await tokens();
      const authorization = `Basic ${btoa(`${rp.client.client_id}:${rp.secret}`)}`;
      for (const path of ['/oidc/introspect', '/oidc/revoke']) {
        const tooLarge = `token=${'a'.repeat(100_000)}`;
        for (const body of [`token=${access}&token=x`, '', 'token=', tooLarge]) {
          const answer = await app.browser().request(path, {
            method: 'POST',
            body,
            headers: { 'content-type': 'application/x-www-form-urlencoded', authorization },
          });
          expect(answer.status, `${path} ${body.slice(0, 9)}`).to.equal(400);
          expect(answer.headers.get('content-type')).to.match(/^application\/json/);
          expect(answer.json()['error']).to.equal('invalid_request');
        }
      }
      expect(await introspect(access)).to.include({ active: true });
    });
  });
}
