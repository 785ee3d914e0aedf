import { expect } from 'chai';
import type { StreamEvent } from '../../../src/kernel/route.ts';
import { type Database, StoreUnavailable } from '../../../src/kernel/store.ts';
import type { Revocation } from '../../../src/plugins/revocations/contract.ts';
import { createDenylist } from '../../../src/plugins/revocations/denylist.ts';
import { createFollow } from '../../../src/plugins/revocations/events.ts';
import { createJournal } from '../../../src/plugins/revocations/journal.ts';
import { createRevocationModel } from '../../../src/plugins/revocations/model.ts';
import { createReader } from '../../../src/plugins/revocations/reader.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';

/** Seconds: entries live a minute longer. */
const LIFETIME = 600;

type Event = StreamEvent<{ id: string; sid?: string | undefined }>;

describe('revocation events', () => {
  let test: TestDatabase;
  let stopping: AbortController;

  beforeEach(async () => {
    test = await createTestDatabase({ poolSize: 5 });
    stopping = new AbortController();
  });
  afterEach(async () => {
    stopping.abort();
    await test.drop();
  });

  /** A node whose timer and messages are the test's. */
  function createNode(limit?: number, database: Database = test.database) {
    const revocations = createRevocationModel(database, LIFETIME);
    const journal = createJournal(limit);
    const denylist = createDenylist();
    const reader = createReader({ revocations, denylist, journal });
    const follow = createFollow({ revocations, journal });
    return { revocations, journal, denylist, reader, follow };
  }
  type Node = ReturnType<typeof createNode>;

  const insert = (...denied: Revocation[]) =>
    test.database.transaction((transaction) =>
      createRevocationModel(test.database, LIFETIME).insert(denied, transaction),
    );

  /** A change whose row is written, and whose commit the test decides. */
  async function holdOpen(sid: string): Promise<() => Promise<void>> {
    const written = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const done = test.database.transaction(async (transaction) => {
      await createRevocationModel(test.database, LIFETIME).insert([{ sid }], transaction);
      written.resolve();
      await released.promise;
    });
    await written.promise;
    return async () => {
      released.resolve();
      await done;
    };
  }

  /** Resolves when no reader will ask again for what was inserted; a writer in any database of the server can delay that. */
  const passed = () =>
    eventually(async () => {
      const rows = await test.database.query(
        {
          name: 'test-open',
          text: 'SELECT id FROM revocations WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())',
        },
        [],
      );
      expect(rows).to.deep.equal([]);
    });

  async function followed({ follow }: Node, lastEventId?: string) {
    const events = await follow({ lastEventId, signal: stopping.signal });
    const iterator = events[Symbol.asyncIterator]();
    const next = async (): Promise<Event> => (await iterator.next()).value as Event;
    return { next, end: async () => (await iterator.next()).done };
  }
  const idOf = (event: Event): string => ('id' in event ? event.id : '');
  const sidOf = (event: Event): string | undefined => ('id' in event ? event.data.sid : undefined);

  /** Everything of the past, up to `ready`; resolves with its sessions and the id to go on from. */
  async function past(node: Node, lastEventId?: string) {
    const { next } = await followed(node, lastEventId);
    const sids: (string | undefined)[] = [];
    for (;;) {
      const event = await next();
      if ('id' in event && event.event === 'ready') return { sids, id: event.id };
      sids.push(sidOf(event));
    }
  }

  it('lose nothing that was committed after what was written later (I2)', async () => {
    const node = createNode();
    await node.reader.read();
    const live = await followed(node);
    expect(await live.next()).to.include({ event: 'ready' });
    const commitEarly = await holdOpen('early');
    await insert({ sid: 'late' });
    await node.reader.read();
    const late = await live.next();
    expect(sidOf(late), 'is told at once').to.equal('late');

    // Cut off here, as if by the network, while the one with the smaller number is not to be seen by anybody.
    expect((await past(node, idOf(late))).sids).to.deep.equal(['late']);
    await commitEarly();
    const [first, second] = (await node.revocations.changes(undefined)).changes;
    expect([first?.revocation, second?.revocation]).to.deep.equal([
      { sid: 'early' },
      { sid: 'late' },
    ]);
    expect((await past(node, idOf(late))).sids, 'at this node').to.include('early');
    expect((await past(createNode(), idOf(late))).sids, 'at any node').to.include('early');

    await node.reader.read();
    expect(sidOf(await live.next()), 'and whoever stayed').to.equal('early');
    expect(node.denylist.denies({ sid: 'early' })).to.equal(true);
  });

  it('tell nothing that was rolled back, and go past it', async () => {
    const node = createNode();
    await node.reader.read();
    await test.database
      .transaction(async (transaction) => {
        await node.revocations.insert([{ sid: 'undone' }], transaction);
        throw new Error('no');
      })
      .catch(() => undefined);
    await insert({ sid: 'done' });
    await node.reader.read();
    expect((await past(node)).sids).to.deep.equal(['done']);
    expect(node.denylist.denies({ sid: 'undone' })).to.equal(false);
  });

  it('go on from where they were: from the end nothing comes again', async () => {
    const node = createNode();
    await insert({ sid: 'one' }, { gid: 'two' });
    await passed();
    const { sids, id } = await past(node);
    expect(sids).to.deep.equal(['one', undefined]);
    expect((await past(node, id)).sids).to.deep.equal([]);
    await insert({ sid: 'three' });
    expect((await past(node, id)).sids).to.deep.equal(['three']);
  });

  it('come again from the middle of a batch, told live or from the past', async () => {
    const node = createNode();
    await node.reader.read();
    const live = await followed(node);
    const ready = await live.next();
    await insert({ sid: 'one' });
    await insert({ sid: 'two' });
    await passed();
    await node.reader.read();
    const [one, two] = [await live.next(), await live.next()];
    expect([one, two].map(sidOf)).to.deep.equal(['one', 'two']);
    expect(new Set([ready, one, two].map(idOf)).size, 'ids differ').to.equal(3);
    expect((await past(node, idOf(one))).sids).to.deep.equal(['one', 'two']);
    expect((await past(node, idOf(two))).sids).to.deep.equal([]);
    const resumed = await followed(node, idOf(ready));
    const cut = await resumed.next();
    expect((await past(node, idOf(cut))).sids).to.deep.equal(['one', 'two']);
  });

  it('miss nothing that is committed while the past is being read', async () => {
    const node = createNode();
    await node.reader.read();
    await insert(...Array.from({ length: 1_500 }, (_, index) => ({ sid: `old-${index}` })));
    const commitEarly = await holdOpen('early');
    const live = await followed(node);
    const sids = new Set([sidOf(await live.next())]);
    await commitEarly();
    await insert({ sid: 'meanwhile' });
    await node.reader.read();
    for (let count = 0; !sids.has('meanwhile') || !sids.has('early'); count += 1) {
      expect(count).to.be.lessThan(10_000);
      sids.add(sidOf(await live.next()));
    }
    sids.delete(undefined);
    expect(sids.size).to.equal(1_502);
  });

  it('C1 come a page at a time, however many there are, and go on from after the last of them', async () => {
    let most = 0;
    const query: Database['query'] = async (...asked) => {
      const rows = await test.database.query(...asked);
      most = Math.max(most, rows.length);
      return rows as never;
    };
    const node = createNode(1_500, { ...test.database, query });
    await node.reader.read();
    const live = await followed(node);
    const ready = await live.next();
    const sids = Array.from({ length: 2_500 }, (_, index) => `many-${index}`);
    await insert(...sids.map((sid) => ({ sid })));
    await passed();
    const told = (async () => {
      const events: Event[] = [];
      while (events.length < sids.length) events.push(await live.next());
      return events;
    })();
    await node.reader.read();
    const events = await told;
    expect(events.map(sidOf)).to.deep.equal(sids);
    expect(node.denylist.size).to.equal(sids.length);
    expect(most).to.equal(1_000);
    expect((await past(node, idOf(events[1_200] ?? ready))).sids).to.deep.equal(sids);
    expect((await past(node, idOf(events.at(-1) ?? ready))).sids).to.deep.equal([]);
  });

  it('leave out what is older than any valid token', async () => {
    const old = {
      name: 'test-old',
      text: `INSERT INTO revocations (sid, created_at)
        VALUES ($1, clock_timestamp() - make_interval(secs => $2))`,
    };
    await test.database.query(old, ['too old', LIFETIME + 65]);
    await test.database.query(old, ['old enough', LIFETIME + 55]);
    expect((await past(createNode())).sids).to.deep.equal(['old enough']);
  });

  it('begin again when the position is one of another database', async () => {
    await insert({ sid: 'one' });
    expect((await past(createNode(), `${10n ** 18n}-1`)).sids).to.deep.equal(['one']);
  });

  it('end for who leaves more unread than may wait; nothing is lost by coming back', async () => {
    const node = createNode(10);
    await node.reader.read();
    const slow = await followed(node);
    const ready = await slow.next();
    for (let index = 0; index < 11; index += 1) {
      await insert({ sid: `${index}` });
      await node.reader.read();
    }
    expect(node.journal.isFollowed, 'nothing is kept for it').to.equal(false);
    expect(await slow.end()).to.equal(true);
    expect((await past(node, idOf(ready))).sids).to.have.length(11);
  });

  it('end with the signal, also while waiting', async () => {
    const node = createNode();
    const live = await followed(node);
    await live.next();
    const waiting = live.end();
    stopping.abort();
    expect(await waiting).to.equal(true);
    expect(node.journal.isFollowed).to.equal(false);
  });

  it('fail before the first of them while PostgreSQL cannot be read', async () => {
    const journal = createJournal();
    const down = async () => {
      throw new StoreUnavailable('down');
    };
    const follow = createFollow({ revocations: { page: down }, journal });
    const failure = await follow({ lastEventId: undefined, signal: stopping.signal }).catch(
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(StoreUnavailable);
  });
});

describe('the reader of revocations', () => {
  /** Answers of a PostgreSQL that is another after a while. */
  it('reads all again when transactions are counted anew', async () => {
    const asked: (string | undefined)[] = [];
    const answers = [
      { snapshot: '100:105:', sid: 'one' },
      { snapshot: '50:50:', sid: 'lost' },
      { snapshot: '50:51:', sid: 'two' },
    ];
    const denylist = createDenylist();
    const journal = createJournal();
    const { signal } = new AbortController();
    const follower = journal.follow(signal);
    const reader = createReader({
      revocations: {
        changes: async (snapshot) => {
          asked.push(snapshot);
          const { sid = '', snapshot: seen = '' } = answers.shift() ?? {};
          const change = { row: '1', revocation: { sid }, at: 1, until: 2 };
          return { changes: [change], snapshot: seen, now: 1, next: undefined };
        },
        sweep: async () => undefined,
      },
      denylist,
      journal,
    });
    await reader.read();
    expect(await follower.next()).to.include({ horizon: 100n, isRestart: false });
    await reader.read();
    expect(asked).to.deep.equal([undefined, '100:105:', undefined]);
    expect(await follower.next()).to.include({ horizon: 50n, isRestart: true });
    expect(denylist.denies({ sid: 'two' })).to.equal(true);
  });
});
