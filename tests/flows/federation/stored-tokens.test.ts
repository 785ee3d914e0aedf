/** FEDERATION_STORE_TOKENS=on: a grant can still be given back when the access token that came with it is long dead. */
import { expect } from 'chai';
import { StoreUnavailable } from '../../../src/kernel/store.ts';
import type { Browser } from '../../support/browser.ts';
import { createStatementHooks } from '../../support/statement-hooks.ts';
import { type MockStage, startMockStage } from './mock-provider.ts';
import { newPerson, signInWith, startStage } from './stage.ts';

describe('stored tokens of another provider', () => {
  let stage: MockStage;
  const hooks = createStatementHooks();
  const givenBack: string[] = [];
  /** What its revocation endpoint answers. */
  let answer: { status: number; error?: string } = { status: 200 };

  before(async () => {
    const settings = { FEDERATION_STORE_TOKENS: 'on' };
    stage = await startMockStage({ settings, wrapStorage: hooks.wrap });
    const { service } = stage.server;
    service.on('beforeWellKnownOpenIdConfiguration', ({ body }: { body: object }) =>
      Object.assign(body, { revocation_endpoint: `${stage.issuer}/take-back` }),
    );
    service.addRoute('POST', '/take-back', (req, res) => {
      const { token } = (req as { body?: { token?: string } }).body ?? {};
      givenBack.push(String(token));
      const { status, error } = answer;
      res.writeHead(status, { 'content-type': 'application/json' });
      res.end(JSON.stringify(error === undefined ? {} : { error }));
    });
  });
  after(() => stage.close());
  beforeEach(() => {
    answer = { status: 200 };
    givenBack.length = 0;
  });

  /** Who comes next; the provider gives this refresh token, or none. */
  const expectPerson = (sub: string, refreshToken: string | undefined): void => {
    stage.misbehaviour = {
      claims: (payload) =>
        Object.assign(payload, { sub, email: `${sub}@example.com`, email_verified: true }),
      tokens: (body) => Object.assign(body, { refresh_token: refreshToken }),
    };
  };
  const signIn = async (sub: string, refreshToken: string | undefined): Promise<Browser> => {
    expectPerson(sub, refreshToken);
    const browser = stage.app.browser();
    expect((await signInWith(browser, 'mock')).status).to.equal(200);
    return browser;
  };
  const revoke = async (browser: Browser): Promise<number> =>
    (await browser.request('/oauth2/mock/revoke', { method: 'POST' })).status;
  const hasTokens = async (browser: Browser): Promise<boolean | undefined> =>
    (await browser.request('/oauth2/identities')).json<{
      identities: { has_tokens: boolean }[];
    }>().identities[0]?.has_tokens;

  it('keep the refresh token of an earlier sign-in when a later one brings none', async () => {
    await signIn('keeper', 'refresh-1');
    const browser = await signIn('keeper', undefined);
    expect(await revoke(browser)).to.equal(204);
    expect(givenBack).to.deep.equal(['refresh-1']);
  });

  it('are replaced by newer ones', async () => {
    await signIn('renewer', 'refresh-1');
    const browser = await signIn('renewer', 'refresh-2');
    expect(await revoke(browser)).to.equal(204);
    expect(givenBack).to.deep.equal(['refresh-2']);
  });

  it('are forgotten as well when the provider says that they ended already, as Google does with 400', async () => {
    const browser = await signIn('late', undefined);
    answer = { status: 400, error: 'invalid_token' };
    expect(await revoke(browser)).to.equal(204);
    expect(await hasTokens(browser)).to.equal(false);
  });

  it('stay while the provider does not take them back', async () => {
    const browser = await signIn('stuck', 'refresh-1');
    for (answer of [{ status: 503 }, { status: 400, error: 'invalid_client' }]) {
      expect(await revoke(browser)).to.equal(502);
      expect(await hasTokens(browser)).to.equal(true);
    }
    answer = { status: 200 };
    expect(await revoke(browser)).to.equal(204);
    expect(await hasTokens(browser)).to.equal(false);
  });

  it('cannot be looked up while PostgreSQL is away: 503, and nobody blames the provider', async () => {
    await signIn('unlucky', 'refresh-1');
    hooks.once('before', 'identities-find', () => {
      throw new StoreUnavailable('PostgreSQL did not answer');
    });
    expectPerson('unlucky', undefined);
    const answer = await signInWith(stage.app.browser(), 'mock');
    expect(answer.status).to.equal(503);
    expect(answer.text).to.not.include('provider');
  });

  for (const [kept, type] of [
    ['on', 'offline'],
    ['off', null],
  ] as const) {
    it(`Google is asked for ${type === null ? 'no refresh token' : 'a refresh token'} while they are ${kept}`, async () => {
      const real = await startStage({ settings: { FEDERATION_STORE_TOKENS: kept } });
      newPerson(real.google);
      await signInWith(real.app.browser(), 'google');
      expect(real.google.requests.at(-1)?.get('access_type')).to.equal(type);
      await real.close();
    });
  }
});
