import { expect } from 'chai';
import { StoreUnavailable } from '../../../src/kernel/store.ts';
import type { RevocationService } from '../../../src/plugins/revocations/contract.ts';
import { createDenylist } from '../../../src/plugins/revocations/denylist.ts';
import { createFeed } from '../../../src/plugins/revocations/feed.ts';
import { createJournal } from '../../../src/plugins/revocations/journal.ts';
import { createRevocationModel } from '../../../src/plugins/revocations/model.ts';
import { createRevocationService } from '../../../src/plugins/revocations/service.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createRecordingLog } from '../../support/log.ts';

const SUB = '6f0d7c3a-0000-4000-8000-000000000001';
/** ACCESS_TOKEN_TTL, in seconds; entries live 60 s longer. */
const LIFETIME = 600;
const COUNT = { name: 'test-count', text: 'SELECT count(*)::int AS count FROM revocations' };
const BACKDATED = {
  name: 'test-backdated',
  text: `INSERT INTO revocations (sid, created_at)
    VALUES ($1, clock_timestamp() - make_interval(secs => $2))`,
};

/** A channel between nodes that can be cut. */
function createWire() {
  const listeners = new Set<(message: string) => void>();
  const wire = {
    isCut: false,
    sent: [] as string[],
    listeners,
    publish: async (_channel: string, message: string) => {
      if (wire.isCut) throw new StoreUnavailable('cut');
      wire.sent.push(message);
      for (const listener of listeners) listener(message);
    },
    subscribe: async (channel: string, listener: (message: string) => void) => {
      if (wire.isCut) throw new StoreUnavailable('cut');
      expect(channel).to.equal('revocations');
      listeners.add(listener);
      return async () => void listeners.delete(listener);
    },
  };
  return wire;
}

describe('revocations', () => {
  let test: TestDatabase;
  let wire: ReturnType<typeof createWire>;

  beforeEach(async () => {
    test = await createTestDatabase();
    wire = createWire();
  });
  afterEach(() => test.drop());

  /** One process: its timer turns when told. */
  function createNode() {
    const log = createRecordingLog();
    const denylist = createDenylist();
    const journal = createJournal();
    const database = { isDown: false };
    const model = createRevocationModel(test.database, LIFETIME);
    const timers: { milliseconds: number; work: () => unknown }[] = [];
    const down = async () => {
      if (database.isDown) throw new StoreUnavailable('down');
    };
    const revocations = {
      ...model,
      changes: async (...asked: Parameters<typeof model.changes>) => {
        await down();
        return model.changes(...asked);
      },
    };
    const feed = createFeed({
      revocations,
      denylist,
      journal,
      store: wire,
      log,
      keep: (LIFETIME + 60) * 1000,
      every: (milliseconds, work) => {
        const timer = { milliseconds, work };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), 1);
      },
    });
    const service = createRevocationService({ revocations, denylist, feed });
    const turn = async () => {
      for (const { work } of timers) await work();
    };
    return { service, feed, denylist, journal, database, log, timers, turn };
  }
  const started = async () => {
    const node = createNode();
    await node.feed.start();
    return node;
  };
  const deny = (service: RevocationService, sid: string) =>
    service.transaction(async (_transaction, denyOne) => denyOne({ sid }));
  const count = async () => (await test.database.query<{ count: number }>(COUNT, []))[0]?.count;
  const backdate = (sid: string, seconds: number) => test.database.query(BACKDATED, [sid, seconds]);

  it('denies on this node and on every other as soon as the change is committed (SEC-40)', async () => {
    const [one, two] = [await started(), await started()];
    const result = await one.service.transaction(async (_transaction, denyOne) => {
      denyOne({ sid: 's1' });
      denyOne({ jti: 'j1' });
      denyOne({ sub: SUB, rolesVersion: 4 });
      expect(one.service.denies({ sid: 's1' }), 'not before the commit').to.equal(false);
      return 'done';
    });
    expect(result).to.equal('done');
    for (const { service } of [one, two]) {
      expect(service.denies({ sid: 's1' })).to.equal(true);
      expect(service.denies({ jti: 'j1' })).to.equal(true);
      expect(service.denies({ sub: SUB, rolesVersion: 3 })).to.equal(true);
      expect(service.denies({ sub: SUB, rolesVersion: 4 })).to.equal(false);
    }
  });

  it('denies nothing when the change fails', async () => {
    const one = await started();
    const failure = new Error('no');
    const failed = await one.service
      .transaction(async (_transaction, denyOne) => {
        denyOne({ sid: 's1' });
        throw failure;
      })
      .catch((error: unknown) => error);
    expect(failed).to.equal(failure);
    expect(one.service.denies({ sid: 's1' })).to.equal(false);
    expect(await count()).to.equal(0);
    expect(wire.sent).to.deep.equal([]);
  });

  it('writes with the change or not at all: a row that cannot be written undoes the change', async () => {
    const one = await started();
    const failed = await one.service
      .transaction(async (transaction, denyOne) => {
        await test.database.query(BACKDATED, ['of the change', 1], transaction);
        denyOne({ sub: 'not a uuid', rolesVersion: 1 });
      })
      .catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(Error);
    expect(await count()).to.equal(0);
  });

  it('writes only what the last run of a repeated transaction denied', async () => {
    const one = await started();
    let runs = 0;
    await one.service.transaction(async (transaction, denyOne) => {
      runs += 1;
      denyOne({ sid: `run-${runs}` });
      if (runs > 1) return;
      const raise = `DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$`;
      await test.database.query({ name: 'test-conflict', text: raise }, [], transaction);
    });
    expect(runs).to.equal(2);
    expect(one.service.denies({ sid: 'run-1' })).to.equal(false);
    expect(one.service.denies({ sid: 'run-2' })).to.equal(true);
  });

  it('reaches other nodes within a turn of the timer when publish is cut', async () => {
    const [one, two] = [await started(), await started()];
    wire.isCut = true;
    await deny(one.service, 's1');
    expect(one.service.denies({ sid: 's1' })).to.equal(true);
    expect(two.service.denies({ sid: 's1' })).to.equal(false);
    expect(one.log.entries.map(({ level }) => level)).to.deep.equal(['warn']);
    expect(two.timers.map(({ milliseconds }) => milliseconds)).to.deep.equal([5_000]);
    await two.turn();
    expect(two.service.denies({ sid: 's1' })).to.equal(true);
  });

  it('knows at start what was denied while it was down (SEC-47)', async () => {
    await deny((await started()).service, 's1');
    await backdate('nearly too old', LIFETIME + 50);
    await backdate('too old', LIFETIME + 70);
    const { service } = await started();
    expect(service.denies({ sid: 's1' })).to.equal(true);
    expect(service.denies({ sid: 'nearly too old' })).to.equal(true);
    expect(service.denies({ sid: 'too old' })).to.equal(false);
  });

  it('finds rows that became visible out of order', async () => {
    const node = await started();
    await backdate('committed late', 50);
    await node.turn();
    expect(node.service.denies({ sid: 'committed late' })).to.equal(true);
  });

  it('keeps what it knows while PostgreSQL is down, and catches up on all that it missed', async () => {
    const node = await started();
    await deny(node.service, 's1');
    node.database.isDown = true;
    await node.turn();
    await node.turn();
    expect(node.service.denies({ sid: 's1' })).to.equal(true);
    const warnings = () => node.log.entries.filter(({ level }) => level === 'warn').length;
    expect(warnings(), 'told once').to.equal(1);
    await test.database.query(BACKDATED, ['s2', 0]);
    node.database.isDown = false;
    await node.turn();
    expect(node.service.denies({ sid: 's1' })).to.equal(true);
    expect(node.service.denies({ sid: 's2' })).to.equal(true);
    expect(node.log.entries.at(-1)?.fields).to.include({ event: 'revocations.recovered' });
  });

  it('does not start without having read PostgreSQL', async () => {
    const node = createNode();
    node.database.isDown = true;
    const failed = await node.feed.start().catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(StoreUnavailable);
  });

  it('starts without the state store and subscribes as soon as it is back', async () => {
    wire.isCut = true;
    const [one, two] = [await started(), await started()];
    wire.isCut = false;
    await two.turn();
    await deny(one.service, 's1');
    expect(two.service.denies({ sid: 's1' })).to.equal(true);
    await two.turn();
    expect(wire.listeners.size, 'subscribes once').to.equal(1);
  });

  it('ignores messages that are none, and says so', async () => {
    const node = await started();
    for (const message of ['', '{"sid":"s1"}', '[{"sid":"s1"}]']) await wire.publish('', message);
    expect(node.denylist.size).to.equal(0);
    expect(node.log.entries.map(({ level }) => level)).to.deep.equal(['warn', 'warn', 'warn']);
  });

  it('drops from memory and deletes what no valid token can need', async () => {
    const node = await started();
    await deny(node.service, 'young');
    node.denylist.add([{ revocation: { sid: 'old' }, at: 0, until: Date.now() - 10_000 }]);
    await backdate('old', LIFETIME + 70);
    await backdate('old enough', LIFETIME + 50);
    await node.turn();
    expect(node.service.denies({ sid: 'old' })).to.equal(false);
    expect(node.service.denies({ sid: 'young' })).to.equal(true);
    expect(await count()).to.equal(2);
  });

  it('does not begin a turn while one is running', async () => {
    const node = await started();
    const [timer] = node.timers;
    expect(timer?.work()).to.equal(timer?.work());
    await node.feed.stop();
  });

  it('tells nobody when nothing was denied', async () => {
    const one = await started();
    expect(await one.service.transaction(async () => 7)).to.equal(7);
    expect(wire.sent).to.deep.equal([]);
  });

  it('stops listening and turning', async () => {
    const node = await started();
    await node.feed.stop();
    expect(wire.listeners.size).to.equal(0);
    expect(node.timers).to.deep.equal([]);
  });

  it('denies 1,000 sessions of one change on every node', async () => {
    const [one, two] = [await started(), await started()];
    await one.service.transaction(async (_transaction, denyOne) => {
      for (let index = 0; index < 1_000; index += 1) denyOne({ sid: `session-${index}` });
    });
    expect(two.denylist.size).to.equal(1_000);
  });
});
