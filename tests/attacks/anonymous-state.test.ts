/** What requests of nobody in particular leave in the state store, and for how long. */
import { expect } from 'chai';
import { createGrantModel } from '../../src/plugins/grants/model.ts';
import { createSweeper } from '../../src/plugins/grants/sweeper.ts';
import { systemClock } from '../../src/system.ts';
import { type Answer, type Browser, forms } from '../support/browser.ts';
import { createUser, PASSWORD, signedInBrowser, signIn } from '../support/people.ts';
import { recordWrites } from '../support/recorded-writes.ts';
import {
  codeOf,
  createRelyingParty,
  errorOf,
  type RelyingParty,
} from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { postForm, uidOf } from './interaction-page.ts';

const long = (bytes: number): string => 'x'.repeat(bytes);
const MAX_AGE = /; max-age=(\d+)/i;

/** Seconds that a cookie of the answer lives. */
function lifetimeOf({ setCookies }: Answer, name: RegExp): number {
  const cookie = setCookies.find((one) => name.test(one)) ?? '';
  const [, maxAge] = MAX_AGE.exec(cookie) ?? [];
  if (maxAge) return Number(maxAge);
  const [, expires = ''] = /; expires=([^;]+)/i.exec(cookie) ?? [];
  return (Date.parse(expires) - Date.now()) / 1000;
}

describe('what anonymous requests store', () => {
  const store = recordWrites();
  let app: TestApp;
  let rp: RelyingParty;
  let publicClient: RelyingParty;

  before(async () => {
    app = await startTestApp({ wrapStorage: store.wrap, settings: { SESSION_IDLE_TTL: '86400' } });
    rp = await createRelyingParty(app);
    publicClient = await createRelyingParty(app, { token_endpoint_auth_method: 'none' });
  });
  after(() => app.close());

  const push = (params: Record<string, string>, as = rp): Promise<Answer> =>
    as.post('/oidc/par', {
      client_id: as.client.client_id,
      response_type: 'code',
      redirect_uri: as.redirectUri,
      scope: 'openid email',
      code_challenge: as.challenge,
      code_challenge_method: 'S256',
      ...params,
    });
  const pushed = (answer: Answer, as = rp): string =>
    `/oidc/authorize?${new URLSearchParams({
      client_id: as.client.client_id,
      request_uri: answer.json<{ request_uri: string }>().request_uri,
    })}`;
  const idTokenOf = async (browser: Browser): Promise<string> =>
    (await rp.redeem(codeOf(await rp.authorize(browser)))).body.id_token ?? '';

  it('D8: a sign-out of nobody is kept for 10 minutes, its cookie as well', async () => {
    let answer: Answer | undefined;
    const writes = await store.during(async () => {
      answer = await app.browser().request('/oidc/logout');
    });
    expect(answer?.status).to.equal(200);
    expect(writes).to.have.length(2);
    for (const { ttl, bytes } of writes) {
      expect(ttl).to.be.at.most(600);
      expect(bytes).to.be.below(500);
    }
    expect(lifetimeOf(answer as Answer, /^(authsrv-)?session=/)).to.be.within(590, 601);
  });

  it('D8: a session that somebody signed in to keeps SESSION_IDLE_TTL', async () => {
    const browser = app.browser();
    const page = await rp.authorize(browser);
    const writes = await store.during(async () => signIn(browser, page, await createUser(app)));
    const records = writes.filter(({ key }) => key.startsWith('oidc:session:'));
    expect(records.at(-1)?.ttl).to.equal(86_400);
    const out = await store.during(() => browser.request('/oidc/logout'));
    expect(out.find(({ key }) => key.startsWith('oidc:session:'))?.ttl).to.equal(86_400);
  });

  it('D8: a state that is too long is refused at the sign-out, and nothing stored', async () => {
    for (const browser of [app.browser(), await signedInBrowser(app, await createUser(app))]) {
      let answer: Answer | undefined;
      const writes = await store.during(async () => {
        answer = await browser.request(`/oidc/logout?state=${long(2049)}`, {
          headers: { accept: 'text/html' },
        });
      });
      expect(answer?.status).to.equal(400);
      expect(answer?.text).to.include('invalid_request');
      expect(writes).to.deep.equal([]);
    }
    const kept = await app.browser().request(`/oidc/logout?state=${long(2048)}`);
    expect(kept.status).to.equal(200);
  });

  it('D8: an authorization request is kept for 10 minutes, and 30 from each post of its person', async () => {
    const browser = app.browser();
    let started: Answer | undefined;
    const writes = await store.during(async () => {
      started = await browser.request(rp.authorizationUrl());
    });
    expect(writes.map(({ ttl }) => ttl)).to.deep.equal([600]);
    for (const name of [/interaction=/, /resume=/]) {
      expect(lifetimeOf(started as Answer, name)).to.be.within(590, 601);
    }
    const page = await browser.open(started?.location?.href ?? '');
    const [form] = forms(page);
    const wrong = { ...form?.fields, email: 'nobody@example.com', password: PASSWORD };
    for (let post = 0; post < 2; post += 1) {
      let refused: Answer | undefined;
      const kept = await store.during(async () => {
        refused = await postForm(browser, form?.action ?? '', wrong);
      });
      expect(refused?.status).to.equal(401);
      expect(kept.filter(({ key }) => key.startsWith('oidc:Interaction:'))).to.deep.equal([
        { key: writes[0]?.key, value: '', bytes: 0, ttl: 1800 },
      ]);
      for (const name of [/interaction=/, /resume=/]) {
        expect(lifetimeOf(refused as Answer, name)).to.be.within(1790, 1801);
      }
    }
    const shown = await store.during(() => browser.open(page.url));
    expect(shown).to.deep.equal([]);
    expect(codeOf(await signIn(browser, page, await createUser(app)))).to.be.a('string');
  });

  it('D8: a form of a request that has ended since brings nothing back', async () => {
    const browser = app.browser();
    const page = await rp.authorize(browser);
    const [form] = forms(page);
    await app.storage.store.delete(
      store.writes.findLast(({ key }) => key.startsWith('oidc:Interaction:'))?.key ?? '',
    );
    const writes = await store.during(() =>
      postForm(browser, form?.action ?? '', form?.fields ?? {}),
    );
    expect(writes).to.deep.equal([]);
    expect(uidOf(page)).to.not.equal('');
  });

  it('D8 SEC-90: the largest request there may be is 4 KB of the store, by GET and pushed', async () => {
    // What JSON writes with six characters, and UTF-8 with three bytes.
    for (const filler of ['x', '\u0001', '€']) {
      let largest = 0;
      // A refusal brings `state` back in its Location, of which this client of HTTP reads 16 KB.
      const most = Math.floor(12_000 / encodeURIComponent(filler).length);
      for (let length = Math.min(2048, most); length > 0; length -= 64) {
        const state = filler.repeat(length);
        for (const send of [
          () => push({ state, login_hint: 'h'.repeat(100) }, publicClient),
          () => app.browser().request(rp.authorizationUrl({ state })),
        ]) {
          for (const { bytes, ttl } of await store.during(send)) {
            largest = Math.max(largest, bytes);
            expect(ttl).to.be.at.most(600);
          }
        }
        if (largest > 0 && length < 1500) break;
      }
      expect(largest).to.be.within(1000, 4096);
    }
  });

  for (const [name, bytes] of Object.entries({ state: 13_000, nonce: 1025, login_hint: 513 })) {
    it(`D8: a ${name} of ${bytes} bytes is an invalid_request, told to the client, and nothing is stored`, async () => {
      let answer: Answer | undefined;
      const writes = await store.during(async () => {
        answer = await app.browser().request(rp.authorizationUrl({ [name]: long(bytes) }));
      });
      expect(writes).to.deep.equal([]);
      expect(errorOf(answer as Answer)).to.equal('invalid_request');
      expect(answer?.location?.href.startsWith(rp.redirectUri)).to.equal(true);
      const writesOfPush = await store.during(async () => {
        answer = await push({ [name]: long(bytes) }, publicClient);
      });
      expect(writesOfPush).to.deep.equal([]);
      expect(answer?.status).to.equal(400);
      expect(answer?.json()).to.include({ error: 'invalid_request' });
    });
  }

  it('D8: no redirect to a redirect_uri that is not proven, however long the rest is', async () => {
    const url = rp.authorizationUrl({ state: long(9000), redirect_uri: 'https://evil.example/cb' });
    const answer = await app.browser().request(url, { headers: { accept: 'text/html' } });
    expect(answer.status).to.equal(400);
    expect(answer.location).to.equal(undefined);
  });

  it('D8: parameters that fit one by one are refused when they do not fit together', async () => {
    const many = { state: long(2000), nonce: long(1000), ui_locales: long(500) };
    const writes = await store.during(async () => {
      const answer = await app.browser().request(rp.authorizationUrl(many));
      expect(errorOf(answer)).to.equal('invalid_request');
      expect((await push(many)).json()).to.include({ error: 'invalid_request' });
    });
    expect(writes).to.deep.equal([]);
  });

  it('D8: claims and id_token_hint of more than 16 KB are refused, claims of less are not stored', async () => {
    for (const name of ['claims', 'id_token_hint']) {
      const answer = await push({ [name]: long(16_385) });
      expect(answer.status, name).to.equal(400);
      expect(answer.json(), name).to.include({ error: 'invalid_request' });
    }
    const writes = await store.during(() => push({ claims: long(16_000) }));
    expect(writes.map(({ bytes }) => bytes < 1000)).to.deep.equal([true]);
  });

  it('D8: a state of 2,048 bytes comes back as it was, by GET and pushed', async () => {
    const browser = await signedInBrowser(app, await createUser(app));
    const state = long(2048);
    const direct = await rp.authorize(browser, { state });
    expect(direct.location?.searchParams.get('state')).to.equal(state);
    const indirect = await browser.open(pushed(await push({ state })));
    expect(indirect.location?.searchParams.get('state')).to.equal(state);
    expect(codeOf(indirect)).to.be.a('string');
  });

  it('D8: silent authorizations whose codes nobody redeems leave no grants', async () => {
    const user = await createUser(app);
    const browser = await signedInBrowser(app, user);
    const { db } = app.storage;
    const grantsOf = async (): Promise<readonly string[]> => {
      const text = 'SELECT id FROM grants WHERE user_id = $1 ORDER BY created_at';
      const rows = await db.query<{ id: string }>({ name: 'test-grants', text }, [user.id]);
      return rows.map(({ id }) => id);
    };
    const before = await grantsOf();
    const codes: string[] = [];
    for (let count = 0; count < 25; count += 1) {
      codes.push(codeOf(await rp.authorize(browser, { prompt: 'none' })));
    }
    const redeemed = await rp.redeem(codes[7] ?? '');
    const all = await grantsOf();
    expect(all).to.have.length(before.length + 25);
    const sweep = createSweeper({ grants: createGrantModel(db, 600), clock: systemClock });
    await sweep();
    expect(await grantsOf()).to.deep.equal(all);
    const text = "UPDATE grant_codes SET redeem_by = redeem_by - interval '301 seconds'";
    await db.query({ name: 'test-age-codes', text }, []);
    await sweep();
    const left = await grantsOf();
    expect(left).to.have.length(before.length + 1);
    expect(left).to.include.members([...before]);
    // What was redeemed goes on, and so does the sign-in at the REST API.
    expect((await rp.refresh(redeemed.body.refresh_token ?? '')).status).to.equal(200);
    expect((await browser.request('/auth/refresh', { method: 'POST' })).status).to.equal(200);
    const rest = await db.query({ name: 'test-codes', text: 'SELECT FROM grant_codes' }, []);
    expect(rest).to.deep.equal([]);
  });

  describe('of an id_token_hint', () => {
    it('D8: whom it names and nothing else, and it holds until the end', async () => {
      const [owner, other] = [await createUser(app), await createUser(app)];
      const hint = await idTokenOf(await signedInBrowser(app, owner));
      for (const way of ['by GET', 'pushed']) {
        for (const [user, isNamed] of [
          [owner, true],
          [other, false],
        ] as const) {
          const browser = app.browser();
          let page: Answer | undefined;
          const writes = await store.during(async () => {
            const url =
              way === 'pushed'
                ? pushed(await push({ id_token_hint: hint, state: 's' }))
                : rp.authorizationUrl({ id_token_hint: hint });
            page = await browser.open(url);
          });
          const [, , signature = ''] = hint.split('.');
          for (const { value } of writes) expect(value, way).to.not.include(signature.slice(0, 40));
          const answer = await signIn(browser, page as Answer, user);
          expect(answer.location?.searchParams.has('code') ?? false, way).to.equal(isNamed);
        }
      }
    });

    it('D8: silently, for another than it names, is login_required', async () => {
      const hint = await idTokenOf(await signedInBrowser(app, await createUser(app)));
      const browser = await signedInBrowser(app, await createUser(app));
      const direct = await rp.authorize(browser, { id_token_hint: hint, prompt: 'none' });
      expect(errorOf(direct)).to.equal('login_required');
      const indirect = await browser.open(
        pushed(await push({ id_token_hint: hint, prompt: 'none' })),
      );
      expect(errorOf(indirect)).to.equal('login_required');
    });

    it('D8: our own short form of it is taken from nobody', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const encode = (part: object): string =>
        Buffer.from(JSON.stringify(part)).toString('base64url');
      const forged = `${encode({ alg: 'none' })}.${encode({ sub: user.id })}.`;
      const direct = await rp.authorize(browser, { id_token_hint: forged });
      expect(errorOf(direct)).to.equal('invalid_request');
      expect((await push({ id_token_hint: forged })).json()).to.include({
        error: 'invalid_request',
      });
      const beside = `${pushed(await push({}))}&id_token_hint=${forged}`;
      expect(codeOf(await browser.open(beside))).to.be.a('string');
    });
  });
});
