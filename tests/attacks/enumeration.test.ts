/** Nobody learns who has an account: by text, status, header fields or time. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Users } from '../../src/plugins/users/contract.ts';
import type { Answer } from '../support/browser.ts';
import { mannWhitney, median } from '../support/compare-samples.ts';
import { createUser } from '../support/people.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const SAMPLES = 200;
/** Milliseconds between the medians (SEC-15). */
const CLOSE = 5;
/** A true null hypothesis is refused once in a hundred: a second look decides, on fresh samples. */
const LOOKS = 3;

const newEmail = (): string => `person-${randomUUID()}@example.com`;

/** Everything of an answer that does not change from one request to the next of the same kind. */
const faceOf = ({ status, text, headers }: Answer) => ({
  status,
  text: text.replace(/urn:request:[\w-]+/, 'urn:request:ID'),
  headers: [...headers.entries()].filter(([name]) => !['date', 'x-request-id'].includes(name)),
});

type Call = () => Promise<Answer>;

describe('enumeration of accounts', () => {
  let app: TestApp;
  let strict: TestApp;
  before(async () => {
    app = await startTestApp();
    strict = await startTestApp({ settings: { REGISTRATION: 'strict' } });
  });
  after(async () => {
    await strict?.close();
    await app?.close();
  });

  const timed = async (call: Call): Promise<number> => {
    const started = process.hrtime.bigint();
    await call();
    return Number(process.hrtime.bigint() - started) / 1e6;
  };

  /** In changing order, so that what one leaves behind hits both alike. */
  async function measure(one: Call, other: Call, count: number): Promise<[number[], number[]]> {
    const samples: [number[], number[]] = [[], []];
    for (let index = 0; index < count + 10; index += 1) {
      const pair = [one, other] as const;
      const order = Math.random() < 0.5 ? ([0, 1] as const) : ([1, 0] as const);
      for (const which of order) {
        const time = await timed(pair[which]);
        // The first ones warm up caches and connections.
        if (index >= 10) samples[which].push(time);
      }
    }
    return samples;
  }

  /** `share`: of the time itself, as far as medians may be apart where that is more than `CLOSE`. */
  async function expectAlike(
    one: Call,
    other: Call,
    { count = SAMPLES, share = 0 } = {},
  ): Promise<void> {
    expect(faceOf(await one())).to.deep.equal(faceOf(await other()));
    let seen = '';
    for (let look = 0; look < LOOKS; look += 1) {
      const [ours, theirs] = await measure(one, other, count);
      const apart = Math.abs(median(ours) - median(theirs));
      const p = mannWhitney(ours, theirs);
      seen = `medians ${median(ours).toFixed(2)} and ${median(theirs).toFixed(2)} ms, p = ${p.toFixed(4)}`;
      if (p > 0.01 && apart < Math.max(CLOSE, share * median(theirs))) return;
    }
    expect.fail(seen);
  }

  const login =
    (email: string, node = app) =>
    () =>
      node.browser().request('/auth/login', { json: { email, password: 'not their password' } });

  const forgot = (email: () => string) => () =>
    app.browser().request('/auth/password/forgot', { json: { email: email() } });

  const register = (email: () => string) => () =>
    strict
      .browser()
      .request('/auth/register', { json: { email: email(), password: 'seven quiet herons fly' } });

  it('SEC-14 SEC-15 Vendure GHSA-6f65-4fv2-wwch signing in: a wrong password and nobody', async () => {
    const { email } = await createUser(app);
    await expectAlike(login(email), login(newEmail()));
  }).timeout(180_000);

  it('SEC-14 SEC-15 signing in: a user without a password and nobody', async () => {
    const { id, email } = await createUser(app);
    await app.storage.db.orm.query(`UPDATE users SET password_hash = NULL WHERE id = '${id}'`);
    await expectAlike(login(email), login(newEmail()));
  }).timeout(180_000);

  it('SEC-14 SEC-15 signing in: a disabled user and nobody', async () => {
    const { id, email } = await createUser(app);
    await app.app.use(Users).disable(id);
    await expectAlike(login(email), login(newEmail()));
  }).timeout(180_000);

  /** What differed was a third of the whole: few samples tell it. */
  const FEW = { count: 20, share: 0.1 };

  it('D11 SEC-15 signing in once ARGON2_MEMORY_KIB was raised: a user of before and nobody', async () => {
    const { email } = await createUser(app);
    const settings = { ARGON2_MEMORY_KIB: '28672' };
    const raised = await startTestApp({ database: app.database, settings });
    try {
      await expectAlike(login(email, raised), login(newEmail(), raised), FEW);
      const { email: newer } = await createUser(raised);
      await expectAlike(login(newer, raised), login(email, raised), FEW);
    } finally {
      await raised.close();
    }
  }).timeout(180_000);

  it('D11 SEC-15 signing in once ARGON2_MEMORY_KIB was lowered: a user of before and nobody', async () => {
    const settings = { ARGON2_MEMORY_KIB: '28672' };
    const former = await startTestApp({ database: app.database, settings });
    const { email } = await createUser(former);
    await former.close();
    const lowered = await startTestApp({ database: app.database });
    try {
      await expectAlike(login(email, lowered), login(newEmail(), lowered), FEW);
    } finally {
      await lowered.close();
    }
  }).timeout(180_000);

  it('SEC-14 SEC-15 a forgotten password: a user and nobody', async () => {
    const { email } = await createUser(app);
    await expectAlike(
      forgot(() => email),
      forgot(newEmail),
    );
  }).timeout(180_000);

  it('SEC-14 SEC-15 a forgotten password: a disabled user, one without a password', async () => {
    const [disabled, passwordless] = [await createUser(app), await createUser(app)];
    await app.app.use(Users).disable(disabled.id);
    await app.storage.db.orm.query(
      `UPDATE users SET password_hash = NULL WHERE id = '${passwordless.id}'`,
    );
    await expectAlike(
      forgot(() => disabled.email),
      forgot(() => passwordless.email),
    );
  }).timeout(180_000);

  it('SEC-16 registration: a new address and a taken one', async () => {
    const { email } = await createUser(strict);
    await expectAlike(
      register(() => email),
      register(newEmail),
    );
  }).timeout(300_000);
});
