/** `GET /auth/revocations` while messages or PostgreSQL are away, and when a node stops: nothing is lost (I2). */
import { expect } from 'chai';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { type ApiClient, createApiClient } from '../support/api-client.ts';
import type { EventStream } from '../support/event-stream.ts';
import { breakOff, type FaultyApp, startFaultyApp } from '../support/faulty-app.ts';
import { ISSUER } from '../support/nodes.ts';
import { createUser } from '../support/people.ts';
import { SECRET_KEY, startServerProcess } from '../support/server-process.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

/** Milliseconds: until the next read when no message says that there is news; until a fault that has healed is forgotten (I6). */
const BY_READING = 6_000;
const RECOVERY = 5_000;

for (const store of storeKinds) {
  describe(`GET /auth/revocations under faults, state store on ${store}`, function () {
    this.timeout(60_000);
    let healthy: TestApp;
    let faulty: FaultyApp;
    let api: ApiClient;
    let streams: EventStream[];

    beforeEach(async () => {
      streams = [];
      healthy = await startTestApp({ store, origin: ISSUER, path: '', settings: { SECRET_KEY } });
      faulty = await startFaultyApp(store, { ...healthy.options, database: healthy.database });
      api = await createApiClient(healthy);
    });
    afterEach(async () => {
      for (const stream of streams) stream.close();
      faulty.postgres.fault = 'pass';
      await faulty.close();
      await healthy.close();
    });

    async function follow(node: TestApp, lastEventId?: string): Promise<EventStream> {
      const stream = await api.follow(node, { lastEventId });
      streams.push(stream);
      if (stream.status === 200) await stream.ready();
      return stream;
    }

    /** Somebody loses a role; resolves with whom the stream must name. */
    async function demote(node: TestApp): Promise<string> {
      const { id } = await createUser(node, ['editor']);
      await node.app.use(Roles).revoke(id, 'editor');
      return id;
    }
    const told = (stream: EventStream, who: string, within: number) =>
      stream.find(({ sub }) => sub === who, within);

    if (store === 'redis') {
      it('tells within 5 s when the messages of the other node are lost', async () => {
        const stream = await follow(faulty.app);
        breakOff(faulty.store);
        await told(stream, await demote(healthy), BY_READING);
      });

      it('tells within 5 s when its own messages reach nobody', async () => {
        const stream = await follow(healthy);
        breakOff(faulty.store);
        await told(stream, await demote(faulty.app), BY_READING);
      });
    }

    it('goes on after PostgreSQL was away, with all that was committed meanwhile', async () => {
      const stream = await follow(faulty.app);
      await told(stream, await demote(healthy), 1_000);
      breakOff(faulty.postgres);
      const meanwhile = [await demote(healthy), await demote(healthy)];
      const refused = await follow(faulty.app, stream.lastEventId);
      expect(refused.status, refused.text).to.equal(503);
      expect(refused.headers.get('retry-after')).to.match(/^\d+$/);
      expect(stream.isOver, 'who was connected stays so').to.equal(false);
      faulty.postgres.fault = 'pass';
      for (const who of meanwhile) await told(stream, who, RECOVERY);
      const resumed = await follow(faulty.app, stream.lastEventId);
      await told(resumed, await demote(healthy), 1_000);
    });
  });
}

describe('GET /auth/revocations when its node stops', function () {
  this.timeout(60_000);

  it('ends first of all, holds up no shutdown, and goes on at another node', async () => {
    const local = await startTestApp({ origin: ISSUER, path: '', settings: { SECRET_KEY } });
    const server = await startServerProcess({
      issuer: ISSUER,
      databaseUrl: local.database.url,
      settings: { DRAIN_DELAY: '2' },
    });
    try {
      const api = await createApiClient(local);
      const streams = await Promise.all([1, 2, 3].map(() => api.follow(server)));
      for (const stream of streams) await stream.ready();
      const stopped = server.stop();
      for (const stream of streams) await stream.over(1_000);
      expect(server.isRunning(), 'it still answers others').to.equal(true);
      const again = await api.follow(server);
      expect(again.status).to.equal(503);
      const asked = performance.now();
      expect(await stopped).to.equal(0);
      expect(performance.now() - asked, 'long before connections would be cut').to.be.below(8_000);
      const { id } = await createUser(local, ['editor']);
      await local.app.use(Roles).revoke(id, 'editor');
      const resumed = await api.follow(local, { lastEventId: streams[0]?.lastEventId });
      await resumed.find(({ sub }) => sub === id);
      resumed.close();
    } finally {
      await server.stop();
      await local.close();
    }
  });
});
