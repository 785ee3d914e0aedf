/** A client with three batches of grants and consents is deleted, or loses something; nobody waits for more than one. */
import { expect } from 'chai';
import { BATCH } from '../../../src/kernel/in-batches.ts';
import { type Client, Clients } from '../../../src/plugins/clients/contract.ts';
import { Consents } from '../../../src/plugins/consent/contract.ts';
import { above, addGrants, addHolders, lockWaiters } from '../../support/bulk.ts';
import { eventually } from '../../support/eventually.ts';
import { query } from '../../support/known-user.ts';
import { createUser, signedInBrowser } from '../../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../../support/relying-party.ts';
import { createStatementHooks, type StatementHooks } from '../../support/statement-hooks.ts';
import {
  batchesOf,
  expectBatches,
  type StatementWork,
  type WorkWatch,
  watchWork,
} from '../../support/statement-work.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';

/** The third batch is half full. */
const COUNT = 2.5 * BATCH;
const BATCHES = [BATCH, BATCH, BATCH / 2];
const IDS = above(900);

/** Without what this node reads every 5 s. */
const changesOf = (work: readonly StatementWork[]): readonly StatementWork[] =>
  work.filter(({ statement }) => !/^revocations-(changes|page)/.test(statement));

describe('C2 end of a client that has many grants', function () {
  this.timeout(30_000);
  let app: TestApp;
  let hooks: StatementHooks;
  let watch: WorkWatch;
  let api: string;

  before(async () => {
    hooks = createStatementHooks();
    watch = watchWork(['grants', 'consents', 'clients', 'revocations', 'users', 'sessions']);
    app = await startTestApp({ wrapStorage: (storage) => hooks.wrap(watch.wrap(storage)) });
    api = `${app.issuer}/api`;
    await addHolders(app.database.database, { count: COUNT, ids: IDS });
  });
  after(() => app?.close());

  const clients = () => app.app.use(Clients);

  async function largeClient(metadata: object = {}): Promise<RelyingParty> {
    const rp = await createRelyingParty(app, { first_party: false, ...metadata });
    const clientId = rp.client.client_id;
    await addGrants(app.database.database, { count: COUNT, clientId, users: COUNT, ids: IDS });
    await query(
      app,
      `INSERT INTO consents (user_id, client_id, scopes, created_at, updated_at)
        SELECT id, $1, '{openid}', now(), now() FROM users WHERE id::text LIKE $2`,
      [clientId, `${IDS}%`],
    );
    return rp;
  }

  const left = async ({ client_id }: Client) => {
    const [row] = await query<{ grants: number; consents: number; denied: number }>(
      app,
      `SELECT (SELECT count(*)::int FROM grants WHERE client_id = $1 AND ended_at IS NULL) AS grants,
        (SELECT count(*)::int FROM consents WHERE client_id = $1) AS consents,
        (SELECT count(*)::int FROM grants JOIN revocations ON gid = grants.id WHERE client_id = $1) AS denied`,
      [client_id],
    );
    return row;
  };

  it('C2 ends them a batch at a time, and denies the tokens of each in the same transaction', async () => {
    const { client } = await largeClient();
    const work = await watch.during(() => clients().delete(client.client_id));
    expectBatches(changesOf(work));
    for (const table of ['grants', 'revocations']) {
      expect(batchesOf(work, table), table).to.deep.equal(BATCHES);
    }
    const forgotten = work.filter(({ statement }) => statement === 'clients-forget-consents');
    expect(forgotten.map(({ changed }) => changed['consents'])).to.deep.equal([
      BATCH,
      ...BATCHES,
      0,
    ]);
    expect(batchesOf(work, 'clients')).to.deep.equal([1]);
    expect(await left(client)).to.deep.equal({ grants: 0, consents: 0, denied: COUNT });
    expect(await clients().find(client.client_id)).to.equal(undefined);
  });

  it('C2 does the same when it loses a resource, and keeps what people allowed', async () => {
    const { client } = await largeClient({ allowed_resources: [api] });
    const work = await watch.during(() => clients().setResources(client.client_id, []));
    expectBatches(changesOf(work));
    expect(batchesOf(work, 'grants')).to.deep.equal(BATCHES);
    expect(await left(client)).to.deep.equal({ grants: 0, consents: COUNT, denied: COUNT });
    expect((await clients().find(client.client_id))?.allowed_resources).to.deep.equal([]);
  });

  it('C2 one batch is still one transaction', async () => {
    const { client } = await createRelyingParty(app, { first_party: false });
    const clientId = client.client_id;
    await addGrants(app.database.database, { count: BATCH, clientId, users: COUNT, ids: IDS });
    const work = await watch.during(() => clients().delete(clientId));
    const whole = work.filter(({ statement }) => statement === 'COMMIT').at(0)?.changed;
    expect(whole).to.include({ clients: 1, grants: BATCH, revocations: BATCH });
  });

  it('C2 leaves none alive that comes meanwhile, and comes to an end', async () => {
    const { client } = await largeClient();
    const clientId = client.client_id;
    const ids = above(901);
    await addHolders(app.database.database, { count: 2, ids });
    const late = (count: number, users: number, prefix: string) =>
      query(
        app,
        `INSERT INTO grants (id, user_id, client_id, payload, created_at, expires_at)
          SELECT concat($1::text, n), (SELECT id FROM users WHERE id::text LIKE $3 LIMIT 1), $2, '{}', now(),
            now() + interval '1 day' FROM generate_series(1, $4::int) AS n`,
        [`${prefix}-${users}-`, clientId, `${ids}%`, count],
      );
    // More than a batch after the last batch, and one more that the transaction which deletes the client does not see.
    hooks.once('before', 'clients-lock', () => late(BATCH + 1, 1, 'late'), 2);
    const seventh = 7;
    hooks.once('after', 'grants-end-all', () => late(1, 2, 'last'), seventh);
    const work = await watch.during(() => clients().delete(clientId));
    expectBatches(changesOf(work));
    expect(batchesOf(work, 'grants')).to.deep.equal([...BATCHES, BATCH, 1, 1]);
    expect(await left(client)).to.deep.equal({
      grants: 0,
      consents: 0,
      denied: COUNT + BATCH + 2,
    });
  });

  it('C2 keeps somebody’s sign-in at it waiting for one batch at most', async () => {
    const rp = await largeClient();
    const clientId = rp.client.client_id;
    // Consents go in the order of users, and those of `IDS` come last.
    const user = await createUser(app);
    await app.app.use(Consents).allow(user.id, clientId, { scopes: ['openid'], resources: [] });
    const browser = await signedInBrowser(app, user);
    const batch = 'clients-forget-consents';
    const firstBatch = hooks.hold('after', batch);
    const removal = clients().delete(clientId);
    await firstBatch.reached;
    const waiting = rp.authorize(browser, { scope: 'openid', prompt: 'none' });
    await eventually(async () => (await lockWaiters(app.database.database)) > 0);
    const secondBatch = hooks.hold('after', batch);
    firstBatch.release();
    await secondBatch.reached;
    // Nothing but the end of the first batch can have let it go on: the second is held.
    expect((await waiting).status).to.equal(303);
    expect(await clients().find(clientId)).to.not.equal(undefined);
    secondBatch.release();
    await removal;
    expect(await left(rp.client)).to.include({ grants: 0, consents: 0 });
  });

  it('C2 withdraws a consent under which very many grants were given', async () => {
    const { client } = await createRelyingParty(app, { first_party: false });
    const clientId = client.client_id;
    const userId = `${IDS}-4000-8000-000000000001`;
    await addGrants(app.database.database, { count: COUNT, clientId, users: 1, ids: IDS });
    await app.app.use(Consents).allow(userId, clientId, { scopes: ['openid'], resources: [] });
    const work = await watch.during(() => app.app.use(Consents).withdraw(userId, clientId));
    expectBatches(changesOf(work));
    expect(batchesOf(work, 'grants')).to.deep.equal(BATCHES);
    expect(await left(client)).to.deep.equal({ grants: 0, consents: 0, denied: COUNT });
  });
});
