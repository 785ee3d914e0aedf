/** What people and clients hold when a Redis is lost, and what may become of it (I1, I2). */
import { expect } from 'chai';
import { ageRedemptions, ageRotations } from './ageing.ts';
import { refreshAt, tokensOf } from './cookie-api.ts';
import { eventually } from './eventually.ts';
import { ISSUER } from './nodes.ts';
import { createUser, login } from './people.ts';
import { codeOf, createRelyingParty } from './relying-party.ts';
import type { TestApp } from './test-app.ts';

/** Milliseconds after the fault has healed (I6). */
export const RECOVERY = 5_000;
/** Seconds: later than any window in which an answer is repeated. */
const LATE = 60;

/** A person in a browser and a client signed in through it. */
async function signIn(app: TestApp) {
  const user = await createUser(app);
  const browser = app.browser();
  const { refresh: cookie } = tokensOf(await login(browser, user));
  const rp = await createRelyingParty(app);
  const code = codeOf(await rp.authorize(browser));
  const { status, body } = await rp.redeem(code);
  expect(status).to.equal(200);
  return { user, browser, cookie, rp, code, refresh: body.refresh_token ?? '' };
}

/** Signs people in, out and on; the answer checks that none of what was used up or ended then works. */
export async function useThingsUp(app: TestApp): Promise<() => Promise<void>> {
  const [gone, rotated] = [await signIn(app), await signIn(app)];
  const out = await gone.browser.request('/auth/logout', { method: 'POST' });
  expect(out.status).to.equal(204);
  expect((await refreshAt(app, rotated.cookie)).status).to.equal(200);
  expect((await rotated.rp.refresh(rotated.refresh)).status).to.equal(200);
  return async () => {
    for (const one of [gone, rotated]) {
      await ageRedemptions(app, one.user.id, LATE);
      await ageRotations(app, one.user.id, LATE);
      expect((await refreshAt(app, one.cookie)).status).to.equal(401);
      for (const used of [await one.rp.refresh(one.refresh), await one.rp.redeem(one.code)]) {
        expect([used.status, used.body.error]).to.deep.equal([400, 'invalid_grant']);
      }
    }
  };
}

/** Everything works for somebody who signs in now, within 5 s. */
export const expectRecovery = (app: TestApp): Promise<void> =>
  eventually(async () => {
    const { cookie, rp, refresh } = await signIn(app);
    expect((await refreshAt(app, cookie)).status).to.equal(200);
    expect((await rp.refresh(refresh)).status).to.equal(200);
  }, RECOVERY);

/** Writes to the store through the server until `isOver`: each call works or is refused with 503 (I5). */
export async function pushUntil(app: TestApp, isOver: () => Promise<boolean>): Promise<number[]> {
  const rp = await createRelyingParty(app);
  const fields = Object.fromEntries(new URL(rp.authorizationUrl(), ISSUER).searchParams);
  const statuses: number[] = [];
  while (!(await isOver())) {
    const answer = await rp.post('/oidc/par', fields);
    expect(answer.status).to.be.oneOf([201, 503]);
    if (answer.status === 503) expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
    statuses.push(answer.status);
  }
  return statuses;
}
