/** A state store that hangs costs each request a wait, until it is given up. */
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { breakOff, type FaultyApp, startFaultyApp } from '../support/faulty-app.ts';
import { createRecordingLog } from '../support/log.ts';
import { ISSUER } from '../support/nodes.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { storeKinds } from '../support/test-app.ts';

/** Milliseconds after the fault has healed (I6). */
const RECOVERY = 5_000;

describe('a hung Redis that is given up (I5, I6)', function () {
  this.timeout(60_000);
  const log = createRecordingLog();
  let faulty: FaultyApp;
  let rp: RelyingParty;

  before(async function () {
    if (!storeKinds.includes('redis')) return this.skip();
    faulty = await startFaultyApp('redis', { origin: ISSUER, log, settings: { RATE_LIMIT: 'on' } });
    rp = await createRelyingParty(faulty.app);
    expect((await push()).status).to.equal(201);
  });
  after(() => faulty?.close());

  /** Counts the client's calls in the store, then writes there. */
  const push = () =>
    rp.post('/oidc/par', Object.fromEntries(new URL(rp.authorizationUrl(), ISSUER).searchParams));

  /** Milliseconds until the 503. */
  const refusal = async (): Promise<number> => {
    const since = performance.now();
    const answer = await push();
    expect(answer.status).to.equal(503);
    expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
    return performance.now() - since;
  };

  const events = () =>
    log.entries
      .map(({ fields }) => (fields as { event?: string }).event ?? '')
      .filter((event) => /^store\./.test(event));

  it('answers 503 without the waits, and works again once Redis does', async () => {
    breakOff(faulty.store, 'hang');
    const waited = await refusal();
    await eventually(async () => {
      await refusal();
      return faulty.app.storage.isStoreGivenUp();
    }, 20_000);
    const later = [];
    for (let call = 0; call < 5; call += 1) later.push(await refusal());
    // One of them may be the call that tries again.
    expect(Math.min(...later)).to.be.below(waited / 2);

    faulty.store.fault = 'pass';
    faulty.store.cut();
    await eventually(async () => expect((await push()).status).to.equal(201), RECOVERY);
    expect(faulty.app.storage.isStoreGivenUp()).to.equal(false);
    expect(events()).to.deep.equal(['store.given_up', 'store.answers_again']);
  });
});
