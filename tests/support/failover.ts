/** What people and clients hold when a Redis is lost, and what may become of it (I1, I2). */
import { expect } from 'chai';
import { ageRedemptions, ageRotations } from './ageing.ts';
import { refreshAt } from './cookie-api.ts';
import { eventually } from './eventually.ts';
import { ISSUER } from './nodes.ts';
import { createRelyingParty } from './relying-party.ts';
import { signInWithClient } from './signed-in.ts';
import type { TestApp } from './test-app.ts';

/** Milliseconds after the fault has healed (I6). */
export const RECOVERY = 5_000;
/** Seconds: later than any window in which an answer is repeated. */
const LATE = 60;

/** Signs people in, out and on; the answer checks that none of what was used up or ended then works. */
export async function useThingsUp(app: TestApp): Promise<() => Promise<void>> {
  const [gone, rotated] = [await signInWithClient(app), await signInWithClient(app)];
  const out = await gone.browser.request('/auth/logout', { method: 'POST' });
  expect(out.status).to.equal(204);
  expect((await refreshAt(app, rotated.cookies.refresh)).status).to.equal(200);
  expect((await rotated.rp.refresh(rotated.oidc.refresh)).status).to.equal(200);
  return async () => {
    for (const one of [gone, rotated]) {
      await ageRedemptions(app, one.user.id, LATE);
      await ageRotations(app, one.user.id, LATE);
      expect((await refreshAt(app, one.cookies.refresh)).status).to.equal(401);
      for (const used of [await one.rp.refresh(one.oidc.refresh), await one.rp.redeem(one.code)]) {
        expect([used.status, used.body.error]).to.deep.equal([400, 'invalid_grant']);
      }
    }
  };
}

/** Everything works for somebody who signs in now, within 5 s. */
export const expectRecovery = (app: TestApp): Promise<void> =>
  eventually(async () => {
    const { cookies, rp, oidc } = await signInWithClient(app);
    expect((await refreshAt(app, cookies.refresh)).status).to.equal(200);
    expect((await rp.refresh(oidc.refresh)).status).to.equal(200);
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

/** Subscribes; the answer checks that messages arrive (again). */
export async function listen({ storage: { store } }: TestApp): Promise<() => Promise<void>> {
  const heard: string[] = [];
  await store.subscribe('test', (message) => heard.push(message));
  return () =>
    eventually(async () => {
      await store.publish('test', 'after');
      return heard.includes('after');
    }, RECOVERY);
}
