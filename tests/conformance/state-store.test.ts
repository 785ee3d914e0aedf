/** What every driver of the state-store port promises. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { StateStore } from '../../src/kernel/store.ts';
import { eventually } from '../support/eventually.ts';
import { DRIVERS, type StoreDriver } from '../support/state-store-drivers.ts';

const TIMES = 20;
const every = <Result>(work: (index: number) => Promise<Result>, times = TIMES) =>
  Promise.all(Array.from({ length: times }, (_, index) => work(index)));

for (const [name, connect] of Object.entries(DRIVERS)) {
  describe(`state store on ${name}`, function () {
    this.timeout(10_000);
    let driver: StoreDriver;
    let one: StateStore;
    let two: StateStore;
    /** Alternates between two instances, as two nodes of the service would. */
    const either = (index: number) => (index % 2 === 0 ? one : two);
    const fresh = () => `key-${randomUUID()}`;

    before(async function () {
      this.timeout(60_000);
      const found = await connect();
      if (!found) return this.skip();
      driver = found;
      one = driver.open();
      two = driver.open();
      await Promise.all([one.ping(), two.ping()]);
      spent.push(...Array.from({ length: 3 }, fresh));
      for (const key of spent) await one.set(key, 'old', 1);
      for (const key of spent) await eventually(async () => (await one.get(key)) === undefined);
    });

    after(async () => {
      await one?.close();
      await two?.close();
      await driver?.dispose();
    });

    /** Keys of records whose lifetime is over: made together, as it takes a second. */
    const spent: string[] = [];
    const expired = async () => spent.pop() ?? expect.fail('make more of them');

    describe('records', () => {
      it('reads what another instance wrote, and what overwrote it', async () => {
        const key = fresh();
        expect(await two.get(key)).to.equal(undefined);
        await one.set(key, 'first', 60);
        expect(await two.get(key)).to.equal('first');
        await one.set(key, '', 60);
        expect(await two.get(key)).to.equal('');
        await one.set(key, '1 – ünïcode 🔑', 60);
        expect(await two.get(key)).to.equal('1 – ünïcode 🔑');
      });

      it('takes keys of any length', async () => {
        const key = `${fresh()}${randomUUID().repeat(200)}`;
        await one.set(key, 'value', 60);
        expect(await two.get(key)).to.equal('value');
        expect(await two.get(`${key}x`)).to.equal(undefined);
      });

      it('forgets a deleted record, and minds no missing one', async () => {
        const key = fresh();
        await one.set(key, 'value', 60);
        await two.delete(key);
        await two.delete(key);
        expect(await one.get(key)).to.equal(undefined);
      });

      it('ends a lifetime after its seconds, not before', async () => {
        const key = fresh();
        const start = performance.now();
        await one.set(key, 'value', 1);
        expect(await two.get(key)).to.equal('value');
        await eventually(async () => (await two.get(key)) === undefined);
        expect(performance.now() - start).to.be.within(950, 2_000);
      });

      it('sets a new lifetime for a live record only', async () => {
        const key = fresh();
        await one.set(key, 'value', 60);
        expect(await two.expire(key, 1)).to.equal(true);
        await eventually(async () => (await one.get(key)) === undefined);
        expect(await two.expire(key, 60)).to.equal(false);
        expect(await two.expire(fresh(), 60)).to.equal(false);
        expect(await one.get(key)).to.equal(undefined);
      });

      it('keeps a record for the longer lifetime', async () => {
        const [key, control] = [fresh(), fresh()];
        await Promise.all([one.set(key, 'value', 1), one.set(control, 'value', 1)]);
        expect(await one.expire(key, 60)).to.equal(true);
        await eventually(async () => (await one.get(control)) === undefined);
        expect(await one.get(key)).to.equal('value');
      });

      for (const ttl of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        it(`refuses ${ttl} as a lifetime`, async () => {
          for (const call of [
            () => one.set('k', 'v', ttl),
            () => one.setIfAbsent('k', 'v', ttl),
            () => one.expire('k', ttl),
          ]) {
            expect(await call().catch((error: unknown) => error)).to.be.instanceOf(RangeError);
          }
        });
      }
    });

    describe('races', () => {
      for (const [state, makeKey] of [
        ['an absent', async () => fresh()],
        ['an expired', expired],
      ] as const) {
        it(`lets exactly one of ${TIMES} set ${state} record`, async () => {
          const key = await makeKey();
          const wrote = await every((i) => either(i).setIfAbsent(key, `value ${i}`, 60));
          expect(wrote.filter(Boolean)).to.have.length(1);
          expect(await one.get(key)).to.equal(`value ${wrote.indexOf(true)}`);
        });
      }

      it('leaves a live record alone in setIfAbsent', async () => {
        const key = fresh();
        await one.set(key, 'value', 1);
        expect(await two.setIfAbsent(key, 'other', 600)).to.equal(false);
        expect(await one.get(key)).to.equal('value');
        await eventually(async () => (await one.get(key)) === undefined);
      });

      it(`gives the value to exactly one of ${TIMES} takers`, async () => {
        const key = fresh();
        await one.set(key, 'value', 60);
        const taken = await every((i) => either(i).take(key));
        expect(taken.filter((value) => value === 'value')).to.have.length(1);
        expect(taken.filter((value) => value === undefined)).to.have.length(TIMES - 1);
        expect(await one.get(key)).to.equal(undefined);
      });

      it('gives an expired record to no taker', async () => {
        const key = await expired();
        expect(await every((i) => either(i).take(key))).to.deep.equal(Array(TIMES).fill(undefined));
      });

      it(`tells exactly one of ${TIMES} that it consumed first`, async () => {
        const key = fresh();
        await one.set(key, 'value', 60);
        const found = await every((i) => either(i).consumeOnce(key));
        expect(found.filter((answer) => answer?.first === true)).to.have.length(1);
        expect(found.filter((answer) => answer?.first === false)).to.have.length(TIMES - 1);
        expect(new Set(found.map((answer) => answer?.value))).to.deep.equal(new Set(['value']));
      });

      it('consumes neither an absent nor an expired record', async () => {
        const key = await expired();
        expect(await one.consumeOnce(key)).to.equal(undefined);
        expect(await one.consumeOnce(fresh())).to.equal(undefined);
        expect(await one.get(key)).to.equal(undefined);
      });

      it('keeps a consumed record for the rest of its lifetime', async () => {
        const key = fresh();
        await one.set(key, 'value', 1);
        await one.consumeOnce(key);
        expect(await two.get(key)).to.equal('value');
        expect(await two.setIfAbsent(key, 'other', 60)).to.equal(false);
        await eventually(async () => (await two.consumeOnce(key)) === undefined);
      });

      it('makes a consumed record whole again only by writing it anew', async () => {
        const key = fresh();
        await one.set(key, 'value', 60);
        await one.consumeOnce(key);
        await one.expire(key, 60);
        expect(await two.consumeOnce(key)).to.deep.equal({ first: false, value: 'value' });
        expect(await two.take(key)).to.equal('value');
        await two.set(key, 'again', 60);
        expect(await one.consumeOnce(key)).to.deep.equal({ first: true, value: 'again' });
      });

      it('counts a record written over an expired, consumed one as unused', async () => {
        const key = fresh();
        await one.set(key, 'old', 1);
        await one.consumeOnce(key);
        await eventually(async () => (await one.get(key)) === undefined);
        expect(await one.setIfAbsent(key, 'new', 60)).to.equal(true);
        expect(await two.consumeOnce(key)).to.deep.equal({ first: true, value: 'new' });
      });
    });

    describe('token buckets', () => {
      it('lets through what the bucket holds, of 100 calls at once', async () => {
        const bucket = { key: fresh(), capacity: 50, refillPerSecond: 0.5, cost: 1 };
        const answers = await every((i) => either(i).takeTokens(bucket), 100);
        expect(answers.filter(({ allowed }) => allowed).length).to.be.within(50, 51);
        expect(Math.min(...answers.map(({ remaining }) => remaining))).to.equal(0);
      });

      it('lets through no more for waiting in a fast-refilling bucket', async () => {
        const bucket = { key: fresh(), capacity: 20, refillPerSecond: 100, cost: 1 };
        const start = performance.now();
        const answers = await every((i) => either(i).takeTokens(bucket), 100);
        const refilled = ((performance.now() - start) / 1_000) * bucket.refillPerSecond;
        const allowed = answers.filter((answer) => answer.allowed).length;
        expect(allowed).to.be.within(20, Math.min(100, 20 + Math.ceil(refilled) + 1));
      });

      it('says what is left and how long to wait', async () => {
        const bucket = { key: fresh(), capacity: 10, refillPerSecond: 0.1, cost: 4 };
        expect(await one.takeTokens(bucket)).to.deep.equal({
          allowed: true,
          remaining: 6,
          retryAfter: 0,
        });
        expect(await two.takeTokens(bucket)).to.deep.equal({
          allowed: true,
          remaining: 2,
          retryAfter: 0,
        });
        expect(await one.takeTokens(bucket)).to.deep.equal({
          allowed: false,
          remaining: 2,
          retryAfter: 20,
        });
      });

      it('allows the call that waited as told', async () => {
        const bucket = { key: fresh(), capacity: 1, refillPerSecond: 1, cost: 1 };
        await one.takeTokens(bucket);
        const start = performance.now();
        expect((await one.takeTokens(bucket)).retryAfter).to.equal(1);
        await eventually(async () => (await one.takeTokens(bucket)).allowed);
        expect(performance.now() - start).to.be.within(900, 1_500);
      });

      it('never fills above its capacity', async () => {
        const bucket = { key: fresh(), capacity: 3, refillPerSecond: 50, cost: 3 };
        await one.takeTokens(bucket);
        const look = { ...bucket, cost: 0 };
        const start = performance.now();
        await eventually(() => performance.now() - start > 200);
        expect(await one.takeTokens(look)).to.deep.include({ remaining: 3 });
        expect(await two.takeTokens(bucket)).to.deep.include({ allowed: true, remaining: 0 });
      });

      it('refuses a cost that no waiting could pay', async () => {
        const bucket = { key: fresh(), capacity: 3, refillPerSecond: 1, cost: 4 };
        const failure: unknown = await one.takeTokens(bucket).catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(RangeError);
      });
    });

    describe('messages', () => {
      it('reach every subscriber of every instance, once', async () => {
        const channel = fresh();
        const heard: string[] = [];
        const stops = [
          await one.subscribe(channel, (message) => heard.push(`a ${message}`)),
          await one.subscribe(channel, (message) => heard.push(`b ${message}`)),
          await two.subscribe(channel, (message) => heard.push(`c ${message}`)),
        ];
        await two.publish(channel, 'hello');
        await two.publish(fresh(), 'elsewhere');
        await two.publish(channel, 'end');
        await eventually(() => expect(heard).to.have.length(6));
        expect(heard.toSorted()).to.deep.equal([
          'a end',
          'a hello',
          'b end',
          'b hello',
          'c end',
          'c hello',
        ]);
        for (const stop of stops) await stop();
      });

      it('stop with the function that subscribe returned, for that listener alone', async () => {
        const channel = fresh();
        const heard: string[] = [];
        const stop = await one.subscribe(channel, (message) => heard.push(`stopped ${message}`));
        const stopOther = await one.subscribe(channel, (message) => heard.push(message));
        await stop();
        await stop();
        await two.publish(channel, 'hello');
        await eventually(() => expect(heard).to.deep.equal(['hello']));
        await stopOther();
        const stopAgain = await one.subscribe(channel, (message) => heard.push(message));
        await two.publish(channel, 'again');
        await eventually(() => expect(heard).to.deep.equal(['hello', 'again']));
        await stopAgain();
      });

      it('reach who comes just as the last one leaves', async () => {
        const channel = fresh();
        const heard: string[] = [];
        const stop = await one.subscribe(channel, () => undefined);
        const [, stopNext] = await Promise.all([
          stop(),
          one.subscribe(channel, (message) => heard.push(message)),
        ]);
        await two.publish(channel, 'hello');
        await eventually(() => expect(heard).to.deep.equal(['hello']));
        await stopNext();
      });

      it('reach the others when one listener throws', async () => {
        const channel = fresh();
        const heard: string[] = [];
        await one.subscribe(channel, () => {
          throw new Error('a broken listener');
        });
        const stop = await one.subscribe(channel, (message) => heard.push(message));
        await two.publish(channel, 'hello');
        await eventually(() => expect(heard).to.deep.equal(['hello']));
        await stop();
      });

      it('carry 4,000 bytes and no more', async () => {
        const channel = fresh();
        const heard: string[] = [];
        const stop = await one.subscribe(channel, (message) => heard.push(message));
        const longest = 'ä'.repeat(2_000);
        await two.publish(channel, longest);
        await eventually(() => expect(heard).to.deep.equal([longest]));
        const failure: unknown = await two
          .publish(channel, `${longest}x`)
          .catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(RangeError);
        await stop();
      });

      it('take channel names that need quoting', async () => {
        const channel = `We"ird; ${randomUUID()}`;
        const heard: string[] = [];
        const stop = await one.subscribe(channel, (message) => heard.push(message));
        await two.publish(channel, 'hello');
        await eventually(() => expect(heard).to.deep.equal(['hello']));
        await stop();
      });
    });
  });
}
