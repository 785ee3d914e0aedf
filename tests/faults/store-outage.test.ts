import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Answer } from '../support/browser.ts';
import { meAt, refreshAt, userinfoAt } from '../support/cookie-api.ts';
import { eventually } from '../support/eventually.ts';
import { breakOff, type FaultyApp, startFaultyApp } from '../support/faulty-app.ts';
import { ISSUER } from '../support/nodes.ts';
import { PASSWORD } from '../support/people.ts';
import { type SignedIn, signInWithClient } from '../support/signed-in.ts';
import { type StoreKind, storeKinds, type TestApp } from '../support/test-app.ts';

/** Milliseconds after the fault has healed (I6). */
const RECOVERY = 5_000;
/** Milliseconds that one request may take while a store hangs: several bounded calls in a row. */
const PATIENCE: Readonly<Record<StoreKind, number>> = { redis: 3_000, postgres: 12_000 };

function expectRestUnavailable(answer: Answer): void {
  expect(answer.status, answer.url).to.equal(503);
  expect(answer.headers.get('content-type'), answer.url).to.match(/^application\/problem\+json/);
  expect(answer.headers.get('retry-after'), answer.url).to.match(/^\d+$/);
  expect(answer.json(), answer.url).to.include({ status: 503 });
  expect(answer.setCookies, answer.url).to.deep.equal([]);
}

function expectOidcUnavailable(answer: Answer): void {
  expect(answer.status, answer.url).to.equal(503);
  expect(answer.headers.get('retry-after'), answer.url).to.match(/^\d+$/);
  expect(answer.json(), answer.url).to.include({ error: 'temporarily_unavailable' });
}

/** An authorization request fails as a page of ours or at the client, but never as our fault. */
function expectAuthorizationUnavailable(answer: Answer): void {
  const error = answer.location?.searchParams.get('error');
  if (error) {
    expect(error).to.equal('temporarily_unavailable');
  } else {
    expect(answer.status).to.equal(503);
    expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
  }
}

const restCalls = (app: TestApp, { user: { email }, browser, cookies }: SignedIn) => [
  () => app.browser().request('/auth/login', { json: { email, password: PASSWORD } }),
  () => refreshAt(app, cookies.refresh),
  () => browser.request('/auth/logout', { method: 'POST' }),
];

const register = (app: TestApp) =>
  app.browser().request('/auth/register', {
    json: { email: `person-${randomUUID()}@example.com`, password: PASSWORD },
  });

const oidcCalls = ({ rp, oidc }: SignedIn) => [
  () => rp.post('/oidc/token', { grant_type: 'refresh_token', refresh_token: oidc.refresh }),
  () => rp.post('/oidc/introspect', { token: oidc.refresh }),
  () => rp.post('/oidc/revoke', { token: oidc.refresh }),
  () =>
    rp.post('/oidc/par', Object.fromEntries(new URL(rp.authorizationUrl(), ISSUER).searchParams)),
];

/** Everything works for somebody who signs in now. */
async function expectService(app: TestApp): Promise<void> {
  const { browser, cookies, rp, oidc } = await signInWithClient(app);
  expect((await refreshAt(app, cookies.refresh)).status).to.equal(200);
  expect((await rp.refresh(oidc.refresh)).status).to.equal(200);
  expect((await browser.request('/health/ready')).status).to.equal(200);
}

async function expectHealth(app: TestApp, failed: string): Promise<void> {
  const browser = app.browser();
  expect((await browser.request('/health/live')).status).to.equal(200);
  // What was found a moment ago is told for 100 ms.
  await eventually(async () => {
    const ready = await browser.request('/health/ready');
    expect(ready.status).to.equal(503);
    expect(ready.headers.get('retry-after')).to.match(/^\d+$/);
    expect(ready.json<{ dependencies: object }>().dependencies).to.include({ [failed]: 'failed' });
  }, RECOVERY);
}

/** What no store is needed for goes on. */
async function expectJwtOnly(app: TestApp, { oidc }: SignedIn): Promise<void> {
  const browser = app.browser();
  for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration']) {
    expect((await browser.request(path)).status).to.equal(200);
  }
  expect((await meAt(app, 'forged.token.here')).status).to.equal(401);
  // A token without our scope: known by its signature, refused by its claims.
  expect((await meAt(app, oidc.access)).status).to.equal(403);
}

for (const kind of storeKinds) {
  for (const fault of ['refuse', 'hang'] as const) {
    describe(`stores that ${fault} (I5, I6), state store on ${kind}`, () => {
      let faulty: FaultyApp;
      let app: TestApp;
      let person: SignedIn;

      before(async () => {
        faulty = await startFaultyApp(kind, { origin: ISSUER });
        app = faulty.app;
      });
      after(() => faulty?.close());
      beforeEach(async () => {
        person = await signInWithClient(app);
      });
      afterEach(async function () {
        this.timeout(20_000);
        faulty.postgres.fault = 'pass';
        faulty.store.fault = 'pass';
        const healed = performance.now();
        await eventually(() => expectService(app), RECOVERY);
        expect(performance.now() - healed).to.be.below(RECOVERY);
      });

      const within = async (limit: number, calls: readonly (() => Promise<Answer>)[]) => {
        const since = performance.now();
        const answers = await Promise.all(calls.map((call) => call()));
        expect(performance.now() - since).to.be.below(limit);
        return answers;
      };

      it('PostgreSQL: 503 everywhere, JWT-only checks go on, back within 5 s', async function () {
        this.timeout(40_000);
        breakOff(faulty.postgres, fault);
        const limit = PATIENCE.postgres;
        const rest = [
          ...restCalls(app, person),
          () => meAt(app, person.cookies.access),
          () => register(app),
        ];
        const [answers, tokens, pages] = await Promise.all([
          within(limit, rest),
          within(limit, oidcCalls(person)),
          within(limit, [() => person.rp.authorize(person.browser, { prompt: 'none' })]),
          expectHealth(app, 'postgresql'),
          expectJwtOnly(app, person),
        ]);
        answers.forEach(expectRestUnavailable);
        tokens.forEach(expectOidcUnavailable);
        pages.forEach(expectAuthorizationUnavailable);
      });

      if (kind === 'redis') {
        it('Redis: 503 where it is needed, the rest goes on, back within 5 s', async function () {
          this.timeout(40_000);
          breakOff(faulty.store, fault);
          const limit = PATIENCE.redis;
          const [answers, tokens, pages] = await Promise.all([
            within(limit, restCalls(app, person)),
            within(limit, oidcCalls(person)),
            within(limit, [() => person.rp.authorize(person.browser, { prompt: 'none' })]),
            expectHealth(app, 'state_store'),
            expectJwtOnly(app, person),
          ]);
          answers.forEach(expectRestUnavailable);
          tokens.forEach(expectOidcUnavailable);
          pages.forEach(expectAuthorizationUnavailable);
          expect((await meAt(app, person.cookies.access)).status).to.equal(200);
          expect((await userinfoAt(app, person.oidc.access)).status).to.equal(200);
          expect((await register(app)).status).to.equal(201);
        });
      }

      it('nothing that failed was used up', async function () {
        this.timeout(40_000);
        breakOff(faulty.store, fault);
        await Promise.all([
          refreshAt(app, person.cookies.refresh),
          person.rp.refresh(person.oidc.refresh),
        ]);
        faulty.store.fault = 'pass';
        await eventually(async () => {
          expect((await refreshAt(app, person.cookies.refresh)).status).to.equal(200);
        }, RECOVERY);
        expect((await person.rp.refresh(person.oidc.refresh)).status).to.equal(200);
      });
    });
  }
}
