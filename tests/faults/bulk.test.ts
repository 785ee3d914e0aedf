/** What ends much at once is cut off in its second batch: what was done stays done, and the next call does the rest. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { BATCH } from '../../src/kernel/in-batches.ts';
import { type Database, StoreUnavailable, type Transaction } from '../../src/kernel/store.ts';
import { Clients } from '../../src/plugins/clients/contract.ts';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { SESSION_BATCH } from '../../src/plugins/sessions/end-sessions.ts';
import { Users } from '../../src/plugins/users/contract.ts';
import type { Storage } from '../../src/storage/open-storage.ts';
import { above, addGrants, addHolders, addSessions } from '../support/bulk.ts';
import { type CrashablePostgres, startCrashablePostgres } from '../support/crashable-postgres.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { query } from '../support/known-user.ts';
import { ISSUER } from '../support/nodes.ts';
import { createUser } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';
import { runCommand, SECRET_KEY } from '../support/server-process.ts';
import { createStatementHooks, type StatementHooks } from '../support/statement-hooks.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const PLUGIN = path.join(import.meta.dirname, 'plugins/die-after-statement.ts');
/** Of three batches. */
const COUNT = 2.5 * BATCH;
/** Milliseconds: a statement that is blocked fails at once. */
const SHORT = 50;

/** Something that is there, to be deleted. */
interface Target {
  /** Arguments of the command that does it. */
  readonly command: readonly string[];
  readonly remove: () => Promise<unknown>;
  /** Selects what is left of that of which there are three batches. */
  readonly left: { readonly text: string; readonly of: string };
  /** Throws unless all is gone and everything was denied. */
  readonly expectGone: () => Promise<void>;
}

interface Work {
  readonly name: string;
  /** What each batch does, and what may keep it waiting before. */
  readonly statement: string;
  readonly waits: string;
  /** Which time it is that the second batch does so. */
  readonly nth: number;
  /** How much one batch does. */
  readonly size?: number;
  readonly prepare: (app: TestApp) => Promise<Target>;
}

let groups = 0;

/** Entries of the denylist that a condition finds, and of how many they are. */
async function denied(app: TestApp, column: 'sub' | 'gid' | 'sid', like: string) {
  const text = `SELECT count(*)::int AS entries, count(DISTINCT ${column})::int AS of
    FROM revocations WHERE ${column}::text LIKE $1`;
  const [found] = await query<{ entries: number; of: number }>(app, text, [like]);
  return found;
}

const ONCE_EACH = { entries: COUNT, of: COUNT };

const works: readonly Work[] = [
  {
    name: 'C1 the deletion of a role',
    statement: 'user-roles-take',
    waits: 'user-roles-lock-holders',
    nth: 2,
    async prepare(app) {
      groups += 1;
      const role = await app.app.use(Roles).create({ name: `many-${groups}` });
      const ids = above(groups);
      await addHolders(app.database.database, { count: COUNT, ids, roleId: role.id });
      return {
        command: ['role', 'delete', role.name],
        remove: () => app.app.use(Roles).delete(role.id),
        left: {
          text: 'SELECT FROM users WHERE id IN (SELECT user_id FROM user_roles WHERE role_id = $1)',
          of: role.id,
        },
        async expectGone() {
          expect(await app.app.use(Roles).find(role.id)).to.equal(undefined);
          expect(await denied(app, 'sub', `${ids}-%`)).to.deep.equal(ONCE_EACH);
          const versions = await query(
            app,
            'SELECT DISTINCT roles_ver FROM users WHERE id::text LIKE $1',
            [`${ids}-%`],
          );
          expect(versions).to.deep.equal([{ roles_ver: 2 }]);
        },
      };
    },
  },
  {
    name: 'C2 the deletion of a client',
    statement: 'grants-end-all',
    waits: 'grants-end-all',
    // The first attempt is to do all at once.
    nth: 3,
    async prepare(app) {
      groups += 1;
      const clientId = (await createRelyingParty(app)).client.client_id;
      const ids = above(groups);
      await addHolders(app.database.database, { count: 5, ids });
      await addGrants(app.database.database, { count: COUNT, clientId, users: 5, ids });
      return {
        command: ['client', 'delete', clientId],
        remove: () => app.app.use(Clients).delete(clientId),
        left: {
          text: 'SELECT FROM grants WHERE client_id = $1 AND ended_at IS NULL',
          of: clientId,
        },
        async expectGone() {
          expect(await app.app.use(Clients).find(clientId)).to.equal(undefined);
          expect(await denied(app, 'gid', `bulk-${clientId}-%`)).to.deep.equal(ONCE_EACH);
        },
      };
    },
  },
  {
    name: 'C2 the deletion of a user',
    statement: 'sessions-end-all',
    waits: 'sessions-end-all',
    nth: 3,
    size: SESSION_BATCH,
    async prepare(app) {
      const clientId = (await createRelyingParty(app)).client.client_id;
      const { id } = await createUser(app);
      await addSessions(app.database.database, { count: COUNT, userId: id, clientId });
      return {
        command: ['user', 'delete', id, '--yes'],
        remove: () => app.app.use(Users).delete(id),
        left: { text: 'SELECT FROM sessions WHERE user_id = $1 AND ended_at IS NULL', of: id },
        async expectGone() {
          expect(await app.app.use(Users).find(id)).to.equal(undefined);
          expect(await denied(app, 'sid', `bulk-${id}-%`)).to.deep.equal(ONCE_EACH);
        },
      };
    },
  },
];

/** The next call is to finish it, not the task that looks for such users each minute. */
const withoutTask = (storage: Storage): Storage => {
  const query: Database['query'] = async (statement, ...rest) =>
    statement.name === 'users-being-deleted' ? [] : storage.db.query(statement, ...rest);
  return { ...storage, db: { ...storage.db, query } };
};

describe('bulk work that is cut off (I5)', function () {
  this.timeout(60_000);
  let postgres: CrashablePostgres;
  let database: TestDatabase;
  let hooks: StatementHooks;
  let app: TestApp;
  let marker: string;

  before(async () => {
    marker = path.join(await makeScratchFolder('test-bulk-'), 'marker');
    postgres = await startCrashablePostgres();
    database = await createTestDatabase({ server: postgres.url });
    hooks = createStatementHooks();
    const settings = { SECRET_KEY };
    app = await startTestApp({
      database,
      origin: ISSUER,
      settings,
      wrapStorage: (storage) => hooks.wrap(withoutTask(storage)),
    });
  });
  after(async () => {
    await app?.close();
    await database?.drop();
    await postgres?.stop();
  });

  const leftOf = async ({ left }: Target): Promise<number> =>
    (await query(app, left.text, [left.of])).length;

  /** The first batch stays done, the second was undone; then all goes. */
  const expectRest = async (target: Target, size: number): Promise<void> => {
    expect(await leftOf(target)).to.equal(COUNT - size);
    await target.remove();
    expect(await leftOf(target)).to.equal(0);
    await target.expectGone();
  };

  for (const { name, statement, waits, nth, size = BATCH, prepare } of works) {
    describe(name, () => {
      it('is finished by the next call after a kill -9', async () => {
        const target = await prepare(app);
        await writeFile(marker, `${statement} ${nth}`);
        const settings = { DATABASE_URL: database.url, PLUGINS: PLUGIN, DIE_MARKER: marker };
        const died = await runCommand(target.command, { ...settings, PUBLIC_URL: ISSUER }).catch(
          (error: { signal?: string }) => error.signal,
        );
        expect(died).to.equal('SIGKILL');
        await expectRest(target, size);
      });

      it('is finished by the next call after PostgreSQL has been killed', async () => {
        const target = await prepare(app);
        const crash = async (transaction: Transaction | undefined): Promise<void> => {
          await postgres.crash();
          const ping = { name: 'test-ping', text: 'SELECT' };
          const isCut = () =>
            app.storage.db.query(ping, [], transaction).then(
              () => false,
              () => true,
            );
          await eventually(isCut, 30_000);
        };
        hooks.once('after', statement, crash, nth);
        const failure = await target.remove().catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(StoreUnavailable);
        await eventually(() => app.storage.db.ping(), 30_000);
        await eventually(() => app.database.database.ping(), 30_000);
        await expectRest(target, size);
      });

      it('is finished by the next call after a statement that took too long', async () => {
        const target = await prepare(app);
        const held = Promise.withResolvers<void>();
        let holding: Promise<unknown> = held.promise;
        const block = async (): Promise<void> => {
          const locked = Promise.withResolvers<void>();
          const text = `${target.left.text} FOR UPDATE`;
          holding = database.database.transaction(async (other) => {
            await database.database.query({ name: '', text }, [target.left.of], other);
            locked.resolve();
            await held.promise;
          });
          await locked.promise;
        };
        hooks.once(
          'before',
          waits,
          async (transaction) => {
            await block();
            const limit = `SET LOCAL statement_timeout = ${SHORT}`;
            await app.storage.db.query({ name: 'test-limit', text: limit }, [], transaction);
          },
          nth,
        );
        const failure = await target.remove().catch((error: unknown) => error);
        held.resolve();
        await holding;
        expect(failure).to.be.instanceOf(StoreUnavailable);
        expect(String((failure as Error).cause)).to.include('statement timeout');
        await expectRest(target, size);
      });
    });
  }
});
