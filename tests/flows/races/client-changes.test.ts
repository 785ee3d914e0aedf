/** Tokens that are made while their client loses the API, or is deleted, end with what it lost (D2). */
import { expect } from 'chai';
import { Clients, type NewClient } from '../../../src/plugins/clients/contract.ts';
import { Consents } from '../../../src/plugins/consent/contract.ts';
import { decodeToken } from '../../attacks/forged-token.ts';
import { createUser, signedInBrowser } from '../../support/people.ts';
import { codeOf, createRelyingParty } from '../../support/relying-party.ts';
import { createStatementHooks, type StatementHooks } from '../../support/statement-hooks.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';

describe('racing a change of a client', () => {
  let app: TestApp;
  let api: string;
  let hooks: StatementHooks;

  before(async () => {
    hooks = createStatementHooks();
    app = await startTestApp({ wrapStorage: hooks.wrap });
    api = `${app.issuer}/api`;
  });
  after(() => app.close());

  /** Signs in while the change is made, after its transaction ended all grants that it saw and before it is committed. */
  async function signInDuring(
    metadata: Partial<NewClient>,
    change: (clientId: string) => Promise<unknown>,
  ) {
    const rp = await createRelyingParty(app, metadata);
    const { client_id: id } = rp.client;
    const user = await createUser(app, ['superuser']);
    await app.app.use(Consents).allow(user.id, id, { scopes: ['openid'], resources: [api] });
    const browser = await signedInBrowser(app, user);
    const ended = hooks.hold('after', 'grants-end-all');
    const changed = change(id);
    await ended.reached;
    const code = codeOf(await rp.authorize(browser, { scope: 'openid', prompt: 'none' }));
    const { body } = await rp.redeem(code);
    const token = body.access_token ?? '';
    expect(decodeToken(token).claims['aud'], 'made in time').to.deep.equal([api, app.issuer]);
    ended.release();
    await changed;
    return { rp, token, refresh: body.refresh_token ?? '' };
  }

  it('D2 SEC-51 a token that a client got while it lost the API is denied', async () => {
    const clients = app.app.use(Clients);
    const third = { first_party: false, allowed_resources: [api] };
    const { rp, token, refresh } = await signInDuring(third, (id) => clients.setResources(id, []));
    const introspection = (await rp.post('/oidc/introspect', { token })).json();
    expect(introspection).to.deep.equal({ active: false });
    expect((await rp.refresh(refresh)).body.error).to.equal('invalid_grant');
  });

  // Of a third party the grant waits for the deletion of the consent (consent.test.ts).
  it('D2 SEC-51 so is one that a first-party client got while it was deleted', async () => {
    const clients = app.app.use(Clients);
    const { token } = await signInDuring({ first_party: true }, (id) => clients.delete(id));
    const authorization = `Bearer ${token}`;
    const userinfo = await app.browser().request('/oidc/userinfo', { headers: { authorization } });
    expect(userinfo.status).to.equal(401);
    const other = await createRelyingParty(app, { allowed_scopes: ['introspect'] });
    const introspection = (await other.post('/oidc/introspect', { token })).json();
    expect(introspection).to.deep.equal({ active: false });
  });
});
