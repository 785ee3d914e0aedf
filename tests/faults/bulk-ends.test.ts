/** Deletions of much that are cut off in their middle: whoever asks again finishes them, and so does housekeeping. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { BATCH } from '../../src/kernel/in-batches.ts';
import { StoreUnavailable } from '../../src/kernel/store.ts';
import { REST_CLIENT_ID } from '../../src/oidc/scopes.ts';
import { Clients } from '../../src/plugins/clients/contract.ts';
import { Users } from '../../src/plugins/users/contract.ts';
import { createUserModel } from '../../src/plugins/users/model.ts';
import { createFinishDeletions } from '../../src/plugins/users/service/finish-deletions.ts';
import { authsrv } from '../support/authsrv.ts';
import { above, addGrants, addHolders, addSessions } from '../support/bulk.ts';
import { countRows, query } from '../support/known-user.ts';
import { createRecordingLog } from '../support/log.ts';
import { createUser, login } from '../support/people.ts';
import { createStatementHooks, type StatementHooks } from '../support/statement-hooks.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const PLUGIN = path.join(import.meta.dirname, 'plugins/die-after-statement.ts');
const SECRET = 'test-only-key-0123456789-0123456789-0123456789';
const COUNT = 2.5 * BATCH;
const IDS = above(950);

/** What there was before, and how it is deleted. */
interface Bulk {
  readonly command: readonly string[];
  remove(): Promise<void>;
  isThere(): Promise<boolean>;
  /** Live grants. */
  left(): Promise<number>;
}

describe('C2 deletions in batches that are cut off', function () {
  this.timeout(60_000);
  let app: TestApp;
  let hooks: StatementHooks;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'test-bulk-ends-'));
    hooks = createStatementHooks();
    app = await startTestApp({ wrapStorage: hooks.wrap });
    await addHolders(app.database.database, { count: 1, ids: IDS });
  });
  after(async () => {
    await app?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const grantsLeft = async (column: 'client_id' | 'user_id', id: string): Promise<number> => {
    const [row] = await query<{ left: number }>(
      app,
      `SELECT count(*)::int AS left FROM grants WHERE ${column} = $1 AND ended_at IS NULL`,
      [id],
    );
    return row?.left ?? 0;
  };

  async function client(): Promise<Bulk> {
    const clients = app.app.use(Clients);
    const redirect_uris = ['https://rp.example/cb'];
    const { client_id: id } = (await clients.create({ client_name: 'Bulk', redirect_uris })).client;
    await addGrants(app.database.database, { count: COUNT, clientId: id, users: 1, ids: IDS });
    return {
      command: ['client', 'delete', id],
      remove: () => clients.delete(id),
      isThere: async () => (await clients.find(id)) !== undefined,
      left: () => grantsLeft('client_id', id),
    };
  }

  async function person(): Promise<Bulk> {
    const users = app.app.use(Users);
    const user = await createUser(app);
    const { id } = user;
    const of = { userId: id, clientId: REST_CLIENT_ID };
    await addSessions(app.database.database, { count: COUNT, ...of });
    return {
      command: ['user', 'delete', id, '--yes', '--unverified'],
      remove: () => users.delete(id),
      async isThere() {
        const found = await users.find(id);
        if (found) {
          expect(found.deletingAt, 'it is marked').to.be.an.instanceOf(Date);
          expect((await login(app.browser(), user)).status).to.equal(401);
        } else {
          expect(Object.values(await countRows(app, id)).every((count) => count === 0)).to.equal(
            true,
          );
        }
        return found !== undefined;
      },
      left: () => grantsLeft('user_id', id),
    };
  }

  const kinds: Readonly<Record<string, { make: () => Promise<Bulk>; at: string; nth: number }>> = {
    client: { make: client, at: 'grants-end-all', nth: 3 },
    user: { make: person, at: 'login-history-erase', nth: 2 },
  };

  const expectCutOff = async (bulk: Bulk): Promise<void> => {
    expect(await bulk.isThere()).to.equal(true);
    expect(await bulk.left()).to.be.below(COUNT);
  };
  const expectGone = async (bulk: Bulk): Promise<void> => {
    expect(await bulk.isThere()).to.equal(false);
    expect(await bulk.left()).to.equal(0);
  };

  const run = (command: readonly string[], settings: Readonly<Record<string, string>> = {}) =>
    authsrv(command, {
      env: {
        PUBLIC_URL: app.issuer,
        SECRET_KEY: SECRET,
        DATABASE_URL: app.database.url,
        ...settings,
      },
    });

  for (const [kind, { make, at, nth }] of Object.entries(kinds)) {
    it(`C2 of a ${kind}: by kill -9 of the process; the same command again finishes it`, async () => {
      const bulk = await make();
      const marker = path.join(folder, kind);
      await writeFile(marker, `${at} ${nth}`);
      const killed = await run(bulk.command, { PLUGINS: PLUGIN, DIE_MARKER: marker });
      expect(killed.code, killed.stderr).to.be.oneOf([null, 137]);
      await expectCutOff(bulk);
      const again = await run(bulk.command);
      expect(again.code, again.stderr).to.equal(0);
      await expectGone(bulk);
    });

    const failures: Readonly<Record<string, () => Promise<unknown>>> = {
      'a restart of PostgreSQL, which ends all connections': () =>
        query(
          app,
          `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        ),
      'a statement that takes too long': () =>
        app.storage.db.query(
          {
            name: 'test-too-long',
            text: `DO $$ BEGIN RAISE 'canceling statement due to statement timeout' USING ERRCODE = '57014'; END $$`,
          },
          [],
        ),
    };
    for (const [failure, fail] of Object.entries(failures)) {
      it(`C2 of a ${kind}: by ${failure}; the same call again finishes it`, async () => {
        const bulk = await make();
        hooks.once('before', at, fail, nth);
        const failed = await bulk.remove().catch((error: unknown) => error);
        expect(failed).to.be.an.instanceOf(StoreUnavailable);
        await expectCutOff(bulk);
        await bulk.remove();
        await expectGone(bulk);
      });
    }
  }

  it('C2 of a user: by kill -9 while it is marked; the housekeeping of any node finishes it', async () => {
    const bulk = await person();
    const marker = path.join(folder, 'marked');
    await writeFile(marker, 'sessions-end-all 3');
    await run(bulk.command, { PLUGINS: PLUGIN, DIE_MARKER: marker });
    await expectCutOff(bulk);
    await createFinishDeletions({
      users: createUserModel(app.storage.db),
      remove: app.app.use(Users).delete,
      log: createRecordingLog(),
    })();
    await expectGone(bulk);
  });
});
