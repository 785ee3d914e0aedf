/** Clients, grants, refresh tokens and consents as the version before wrote them (D2): they go on, third parties without the API. */
import { expect } from 'chai';
import { storeKey } from '../../src/oidc/store-key.ts';
import { Clients } from '../../src/plugins/clients/contract.ts';
import { diagnoseResources } from '../../src/plugins/clients/diagnose-resources.ts';
import { createClientModel } from '../../src/plugins/clients/model.ts';
import { Consents } from '../../src/plugins/consent/contract.ts';
import type { User } from '../../src/plugins/users/contract.ts';
import { decodeToken } from '../attacks/forged-token.ts';
import { createUser, signedInBrowser } from '../support/people.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

describe('clients of the version before', () => {
  let app: TestApp;
  let api: string;
  let user: User;

  before(async () => {
    app = await startTestApp();
    api = `${app.issuer}/api`;
    user = await createUser(app, ['reports']);
  });
  after(() => app.close());

  const query = (name: string, text: string, values: unknown[]) =>
    app.database.database.query({ name: `test-before-${name}`, text }, values);

  /** A client that the version before registered, with a consent and a refresh family of before. */
  async function ofBefore(first_party: boolean) {
    const rp = await createRelyingParty(app, { first_party });
    const { client_id: id } = rp.client;
    if (!first_party) {
      await app.app.use(Consents).allow(user.id, id, { scopes: ['openid'], resources: [] });
    }
    const browser = await signedInBrowser(app, user);
    const { body } = await rp.redeem(codeOf(await rp.authorize(browser, { scope: 'openid' })));
    await query('client', 'UPDATE clients SET allowed_resources = NULL WHERE id = $1', [id]);
    await query(
      'grants',
      `UPDATE grants SET payload = payload - 'audiences' WHERE client_id = $1`,
      [id],
    );
    return { rp, browser, refresh: body.refresh_token ?? '' };
  }

  const refreshed = async (rp: RelyingParty, token: string) => {
    const { status, body } = await rp.refresh(token);
    expect(status, JSON.stringify(body)).to.equal(200);
    const { aud, roles, scope } = decodeToken(body.access_token ?? '').claims;
    return { aud, roles, scope, refresh: body.refresh_token ?? '' };
  };

  it('D2 refresh tokens of third parties go on, for this server alone', async () => {
    const { rp, browser, refresh } = await ofBefore(false);
    const first = await refreshed(rp, refresh);
    expect(first).to.deep.include({ aud: app.issuer, roles: undefined, scope: 'openid' });
    const second = await refreshed(rp, first.refresh);
    expect(second).to.deep.include({ aud: app.issuer, roles: undefined, scope: 'openid' });
    const silent = await rp.authorize(browser, { scope: 'openid', prompt: 'none' });
    expect((await rp.redeem(codeOf(silent))).status, 'consent of before').to.equal(200);

    await app.app.use(Clients).setResources(rp.client.client_id, [api]);
    const third = await refreshed(rp, second.refresh);
    expect(third, 'nobody allowed the API').to.deep.include({ aud: app.issuer, roles: undefined });
    const asked = await rp.authorize(browser, { scope: 'openid', prompt: 'none' });
    expect(errorOf(asked)).to.equal('consent_required');
  });

  it('D2 refresh tokens of first-party clients keep the API and the roles', async () => {
    const { rp, refresh } = await ofBefore(true);
    expect(await refreshed(rp, refresh)).to.deep.include({
      aud: [api, app.issuer],
      roles: ['reports'],
    });
  });

  it('D2 the version before reads what this one writes: it knows one resource, the API', async () => {
    for (const first_party of [true, false]) {
      const rp = await createRelyingParty(app, { first_party });
      const { client_id: id } = rp.client;
      if (!first_party) {
        await app.app.use(Consents).allow(user.id, id, { scopes: ['openid'], resources: [] });
      }
      const code = codeOf(
        await rp.authorize(await signedInBrowser(app, user), { scope: 'openid' }),
      );
      const stored = await app.storage.store.get(storeKey('AuthorizationCode', code));
      expect(JSON.parse(stored ?? '{}')).to.deep.include({ resource: api });
      const { body } = await rp.redeem(code);
      const token = await app.storage.store.get(storeKey('RefreshToken', body.refresh_token ?? ''));
      expect(JSON.parse(token ?? '{}')).to.deep.include({ resource: api });
      const rows = await query('read', 'SELECT payload FROM grants WHERE client_id = $1', [id]);
      const [{ payload } = { payload: undefined }] = rows as { payload: unknown }[];
      expect(payload).to.deep.include({ resources: { [api]: 'openid' } });
    }
  });

  it('D2 doctor names third parties of before once each, until somebody decides', async () => {
    const { rp: third } = await ofBefore(false);
    const { rp: other } = await ofBefore(false);
    const { rp: ours } = await ofBefore(true);
    const clients = app.app.use(Clients);
    const model = createClientModel(app.database.database);
    const about = async (rp: RelyingParty) => {
      const findings = await diagnoseResources(model, clients.resources).check();
      return findings.filter(({ problem }) => problem.includes(rp.client.client_id));
    };
    const [found, ...more] = await about(third);
    expect(more).to.deep.equal([]);
    expect(found?.severity).to.equal('warning');
    expect(found?.fix).to.include(`authsrv client update ${third.client.client_id} --api.`);
    expect(await about(ours)).to.deep.equal([]);
    await clients.setResources(third.client.client_id, [api]);
    await clients.setResources(other.client.client_id, []);
    expect(await about(third)).to.deep.equal([]);
    expect(await about(other)).to.deep.equal([]);
    expect(await about(await createRelyingParty(app, { first_party: false }))).to.deep.equal([]);
    await clients.setResources(third.client.client_id, ['https://old.example.com/api']);
    expect((await about(third))[0]?.problem).to.include('https://old.example.com/api');
  });

  it('D2 doctor says so when API_AUDIENCE is PUBLIC_URL, and no third party gets roles by it', async () => {
    const same = await startTestApp({
      origin: 'https://as.example.com',
      path: '',
      settings: { API_AUDIENCE: 'https://as.example.com' },
    });
    try {
      const model = createClientModel(same.database.database);
      const [found] = await diagnoseResources(model, same.app.use(Clients).resources).check();
      expect(found?.severity).to.equal('broken');
      const person = await createUser(same, ['reports']);
      const rp = await createRelyingParty(same, { first_party: false });
      const scopes = ['openid'];
      await same.app.use(Consents).allow(person.id, rp.client.client_id, { scopes, resources: [] });
      const browser = await signedInBrowser(same, person);
      const { body } = await rp.redeem(codeOf(await rp.authorize(browser, { scope: 'openid' })));
      expect(decodeToken(body.access_token ?? '').claims).to.include({ aud: same.issuer });
      expect(decodeToken(body.access_token ?? '').claims).not.to.have.property('roles');
    } finally {
      await same.close();
    }
  });
});
