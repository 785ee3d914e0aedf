/** What every driver of the state-store port does while its server is away, and afterwards. */
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { type StateStore, StoreUnavailable } from '../../src/kernel/store.ts';
import { eventually } from '../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { PROXIED_DRIVERS, type ProxiedDriver } from '../support/state-store-drivers.ts';

/** Milliseconds: refused at once; unanswered, Redis has 500 and a statement here 500 and a second of grace. */
const LIMITS: Readonly<Record<string, number>> = { redis: 600, postgres: 2_500 };

for (const [name, connect] of Object.entries(PROXIED_DRIVERS)) {
  describe(`state store on ${name}, in trouble`, function () {
    this.timeout(30_000);
    let driver: ProxiedDriver;
    let healthy: StateStore;
    let proxy: FaultProxy;
    let store: StateStore;
    const fresh = () => `key-${randomUUID()}`;

    before(async function () {
      const found = await connect();
      if (!found) return this.skip();
      driver = found;
      healthy = driver.open();
      await healthy.ping();
    });

    beforeEach(async () => {
      proxy = await startFaultProxy(driver.address);
      store = driver.open(proxy.port);
      await store.ping();
    });

    afterEach(async () => {
      await store?.close();
      await proxy?.close();
    });

    after(async () => {
      await healthy?.close();
      await driver?.dispose();
    });

    const calls = (target: StateStore): Record<string, () => Promise<unknown>> => ({
      get: () => target.get('k'),
      set: () => target.set('k', 'v', 60),
      setIfAbsent: () => target.setIfAbsent('k', 'v', 60),
      take: () => target.take('k'),
      consumeOnce: () => target.consumeOnce('k'),
      expire: () => target.expire('k', 60),
      delete: () => target.delete('k'),
      takeTokens: () => target.takeTokens({ key: 'b', capacity: 1, refillPerSecond: 1, cost: 1 }),
      publish: () => target.publish('c', 'm'),
      subscribe: () => target.subscribe('c', () => {}),
      ping: () => target.ping(),
    });

    async function expectUnavailable(call: () => Promise<unknown>, limit: number, method: string) {
      const start = performance.now();
      const failure: unknown = await call().catch((error: unknown) => error);
      expect(failure, method).to.be.instanceOf(StoreUnavailable);
      expect((failure as Error).cause, method).to.be.instanceOf(Error);
      expect(performance.now() - start, method).to.be.lessThan(limit);
    }

    it('every method throws StoreUnavailable at once when the server is gone', async () => {
      proxy.fault = 'refuse';
      proxy.cut();
      for (const [method, call] of Object.entries(calls(store))) {
        await expectUnavailable(call, 1_000, method);
      }
    });

    it('every method throws StoreUnavailable when nothing ever listened there', async () => {
      const { port } = proxy;
      await proxy.close();
      const lost = driver.open(port);
      for (const [method, call] of Object.entries(calls(lost))) {
        await expectUnavailable(call, 1_000, method);
      }
      await lost.close();
      proxy = await startFaultProxy(driver.address);
    });

    it('a call that hangs ends in time, also behind others that hang', async () => {
      proxy.fault = 'hang';
      const limit = LIMITS[name] ?? 0;
      const all = Object.entries(calls(store)).filter(([method]) => method !== 'subscribe');
      const hanging: Promise<void>[] = [];
      for (const [method, call] of all) {
        hanging.push(expectUnavailable(call, limit, method));
        // Not all in one tick, where a driver might send them as one batch.
        await setImmediate();
      }
      await Promise.all(hanging);
    });

    it('works again within 5 s after the server is back', async () => {
      for (const fault of ['refuse', 'hang'] as const) {
        proxy.fault = fault;
        if (fault === 'refuse') proxy.cut();
        await expectUnavailable(() => store.get('k'), 5_000, 'get');
        proxy.fault = 'pass';
        await eventually(() => store.get('k'), 5_000);
      }
    });

    it('executes a call once whose reply was lost, and says it failed', async () => {
      const [key, bucket] = [
        fresh(),
        { key: fresh(), capacity: 10, refillPerSecond: 0.01, cost: 1 },
      ];
      await store.set(key, 'value', 60);
      await store.takeTokens(bucket);
      const lostReplies = [() => store.consumeOnce(key), () => store.takeTokens(bucket)];
      for (const call of lostReplies) {
        // On a connection that is there already: the reply to a greeting is not what is to be lost.
        await eventually(() => store.ping());
        proxy.fault = 'drop-replies';
        await expectUnavailable(call, 3_000, 'a lost reply');
        proxy.fault = 'pass';
      }
      await eventually(() => store.ping());
      expect(await store.consumeOnce(key)).to.deep.equal({ first: false, value: 'value' });
      expect(await store.takeTokens({ ...bucket, cost: 0 })).to.deep.include({ remaining: 8 });
    });

    it('subscribes again by itself, after a cut and after silence', async () => {
      const channel = fresh();
      const heard: string[] = [];
      const stop = await store.subscribe(channel, (message) => heard.push(message));
      const expectHeard = (message: string) =>
        eventually(async () => {
          await healthy.publish(channel, message);
          return heard.includes(message);
        }, 8_000);
      await expectHeard('before');
      proxy.cut();
      await expectHeard('after a cut');
      proxy.fault = 'hang';
      await healthy.publish(channel, 'lost');
      proxy.fault = 'pass';
      await expectHeard('after silence');
      await stop();
    });

    it('is unavailable after close', async () => {
      await store.close();
      for (const [method, call] of Object.entries(calls(store))) {
        await expectUnavailable(call, 1_000, method);
      }
    });
  });
}
