import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import type { Answer, Browser } from '../../support/browser.ts';
import { codeOf, createRelyingParty } from '../../support/relying-party.ts';
import { type MockStage, startMockStage } from './mock-provider.ts';
import { me, signInWith, walk } from './stage.ts';

const now = (): number => Math.floor(Date.now() / 1000);

describe('proving again with another provider who one is', () => {
  let stage: MockStage;
  before(async () => {
    stage = await startMockStage();
  });
  after(() => stage.close());

  /** The person of `sub` is signed in at the provider, which says that they proved it at this time. */
  const provides = (sub: string, authTime: number | undefined): void => {
    const claims = { sub, email: `${sub}@example.com`, email_verified: true, auth_time: authTime };
    stage.misbehaviour = { claims: (payload) => void Object.assign(payload, claims) };
  };

  const isRecent = async (browser: Browser): Promise<boolean> =>
    (await browser.request('/oauth2/mock/link', { json: {} })).status === 200;

  const reauthenticate = async (browser: Browser): Promise<Answer> =>
    walk(browser, await browser.request('/oauth2/mock/authorize?prompt=login'));

  it('D12 a session is as old as the provider says, and only a new proof makes it recent', async () => {
    const sub = `m-${randomUUID()}`;
    const browser = stage.app.browser();
    provides(sub, now() - 3600);
    await signInWith(browser, 'mock');
    expect((await me(browser))?.['email']).to.equal(`${sub}@example.com`);
    expect(await isRecent(browser)).to.equal(false);
    for (const stale of [undefined, 1000, now() - 3600]) {
      provides(sub, stale);
      await signInWith(browser, 'mock');
      expect(await isRecent(browser), `coming back, ${stale}`).to.equal(false);
      const refused = await reauthenticate(browser);
      expect(refused.status, `${stale}`).to.equal(403);
      expect(refused.text).to.include('did not say that you signed in just now');
      expect(await isRecent(browser), `refused, ${stale}`).to.equal(false);
    }
    provides(sub, now());
    const left = await browser.request('/oauth2/mock/authorize?prompt=login');
    expect(left.location?.searchParams.get('prompt')).to.equal('login');
    expect(left.location?.searchParams.get('max_age')).to.equal('0');
    expect((await walk(browser, left)).status).to.equal(200);
    expect(await isRecent(browser)).to.equal(true);
  });

  for (const params of [
    { prompt: 'select_account login' },
    { prompt: 'select_account', max_age: '10' },
  ]) {
    it(`D12 nor at the choice of accounts, with ${new URLSearchParams(params)}, signed in or not`, async () => {
      const rp = await createRelyingParty(stage.app);
      for (const isSignedIn of [true, false]) {
        const sub = `m-${randomUUID()}`;
        const browser = stage.app.browser();
        provides(sub, now() - 3600);
        if (isSignedIn) await signInWith(browser, 'mock');
        for (const [stale, status] of [
          [undefined, 403],
          [now() - 3600, 403],
          [now(), 303],
        ] as const) {
          provides(sub, stale);
          const page = await rp.authorize(browser, params);
          const left = await browser.request(
            `/interaction/${page.url.split('/').at(-1)}/federation?provider=mock`,
          );
          const end = await walk(browser, left);
          expect(end.status, `${stale}`).to.equal(status);
          expect(end.location?.searchParams.has('code') ?? false).to.equal(status === 303);
        }
      }
    });
  }

  it('D12 prompt=login of an application gets no code without a new proof, whatever the person takes out of the URL', async () => {
    const sub = `m-${randomUUID()}`;
    const rp = await createRelyingParty(stage.app);
    const browser = stage.app.browser();
    const through = async (): Promise<Answer> => {
      const page = await rp.authorize(browser, { prompt: 'login' });
      const uid = page.url.split('/').at(-1);
      const left = await browser.request(`/interaction/${uid}/federation?provider=mock`);
      const stripped = new URL(left.location?.href ?? '');
      for (const name of ['prompt', 'max_age']) stripped.searchParams.delete(name);
      return walk(browser, await browser.request(stripped.href));
    };
    for (const stale of [undefined, 1000, now() - 60]) {
      provides(sub, stale);
      const refused = await through();
      expect(refused.status, `${stale}`).to.equal(403);
      expect(refused.text).to.include('did not say that you signed in just now');
    }
    provides(sub, now() - 5);
    const { body } = await rp.redeem(codeOf(await through()));
    const { auth_time: authTime } = decodeJwt(body.id_token ?? '');
    if (authTime !== undefined) expect(authTime).to.be.closeTo(now() - 5, 3);
  });
});
