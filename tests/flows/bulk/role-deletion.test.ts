/** A role that three batches of users have is deleted; a holder's sign-in waits for one of them at most. */
import { expect } from 'chai';
import { z } from 'zod';
import { on } from '../../../src/kernel/events.ts';
import { BATCH } from '../../../src/kernel/in-batches.ts';
import { definePlugin } from '../../../src/kernel/plugin.ts';
import { access, defineRoute } from '../../../src/kernel/route.ts';
import { type Role, RoleRevoked, Roles } from '../../../src/plugins/roles/contract.ts';
import { type User, Users } from '../../../src/plugins/users/contract.ts';
import { above, addHolders, below, lockWaiters } from '../../support/bulk.ts';
import { loginAt, meAt } from '../../support/cookie-api.ts';
import { eventually } from '../../support/eventually.ts';
import { ISSUER } from '../../support/nodes.ts';
import { createUser } from '../../support/people.ts';
import { createStatementHooks, type StatementHooks } from '../../support/statement-hooks.ts';
import {
  batchesOf,
  expectBatches,
  type WorkWatch,
  watchWork,
} from '../../support/statement-work.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';
import { createUserAdmin, type UserAdmin } from '../../support/user-admin.ts';

/** Holders of a role in these tests: the third batch is half full. */
const COUNT = 2.5 * BATCH;

describe('C1 deletion of a role that many users have', function () {
  this.timeout(30_000);
  let app: TestApp;
  let hooks: StatementHooks;
  let watch: WorkWatch;
  let admin: UserAdmin;
  let revoked: string[] = [];
  const listener = definePlugin({
    name: 'counts-revoked-roles',
    kernel: 1,
    settings: z.object({}),
    setup: () => ({
      listeners: [on(RoleRevoked, ({ userId }) => void revoked.push(userId))],
      routes: [
        defineRoute({
          method: 'delete',
          path: '/long-work',
          access: access.public,
          summary: 'Takes long',
          success: { status: 204, underWay: 'Ask again.' },
          problems: [],
          handle: async () => ({ isUnderWay: true }),
        }),
      ],
    }),
  });

  before(async () => {
    hooks = createStatementHooks();
    watch = watchWork(['users', 'roles', 'user_roles', 'revocations']);
    app = await startTestApp({
      origin: ISSUER,
      plugins: [listener],
      wrapStorage: (storage) => hooks.wrap(watch.wrap(storage)),
    });
    admin = await createUserAdmin(app);
  });
  after(() => app?.close());

  let groups = 0;
  /** Two of the holders can sign in: one is the last of the first batch, the other the first of the second. */
  async function manyHolders(): Promise<{ role: Role; first: User; second: User }> {
    const db = app.database.database;
    groups += 1;
    const role = await app.app.use(Roles).create({ name: `many-${groups}` });
    const users = [await createUser(app, [role.name]), await createUser(app, [role.name])];
    const [first, second] = users.sort((a, b) => (a.id < b.id ? -1 : 1)) as [User, User];
    await addHolders(db, { count: BATCH - 1, ids: below(groups), roleId: role.id });
    await addHolders(db, { count: COUNT - BATCH - 1, ids: above(groups), roleId: role.id });
    return { role, first, second };
  }

  const remove = ({ id }: Role) => admin.request(`/roles/${id}`, { method: 'DELETE' });

  it('C1 takes it from a batch of them at a time, and tells of each', async () => {
    const { role, first } = await manyHolders();
    const { access } = await loginAt(app, first);
    revoked = [];
    const work = await watch.during(async () => {
      expect((await remove(role)).status).to.equal(204);
    });
    expectBatches(work);
    for (const table of ['user_roles', 'revocations', 'users']) {
      expect(batchesOf(work, table), table).to.deep.equal([BATCH, BATCH, BATCH / 2]);
    }
    expect(batchesOf(work, 'roles')).to.deep.equal([1]);
    expect(new Set(revoked)).to.have.property('size', COUNT);
    expect((await meAt(app, access)).status, 'a token with the role').to.equal(401);
    expect((await admin.request(`/roles/${role.id}`)).status).to.equal(404);
  });

  it('C1 keeps a holder’s sign-in waiting for one batch at most', async () => {
    const { role, first, second } = await manyHolders();
    const batch = 'users-bump-roles-versions';
    const firstBatch = hooks.hold('after', batch);
    const removal = remove(role);
    await firstBatch.reached;
    const waiting = loginAt(app, first);
    await eventually(async () => (await lockWaiters(app.database.database)) > 0);
    await loginAt(app, second);
    const secondBatch = hooks.hold('after', batch);
    firstBatch.release();
    await secondBatch.reached;
    // Nothing but the end of the first batch can have let it go on: the second is held.
    await waiting;
    expect(await app.app.use(Roles).find(role.id)).to.not.equal(undefined);
    secondBatch.release();
    expect((await removal).status).to.equal(204);
  });

  it('C1 leaves nobody behind to whom it is given meanwhile', async () => {
    const { role } = await manyHolders();
    const late = { count: BATCH + 1, ids: below(groups + 100), roleId: role.id };
    hooks.once('before', 'roles-lock', () => addHolders(app.database.database, late), 3);
    const work = await watch.during(async () => {
      expect((await remove(role)).status).to.equal(204);
    });
    expectBatches(work);
    expect(batchesOf(work, 'user_roles')).to.deep.equal([BATCH, BATCH, BATCH / 2, BATCH, 1]);
    const user = await app.app.use(Users).find(`${late.ids}-4000-8000-000000000001`);
    expect(user?.rolesVersion).to.equal(2);
  });

  it('C1 says 202 of what goes on, as its document does', async () => {
    const { request } = app.browser();
    const answer = await request('/long-work', { method: 'DELETE' });
    expect([answer.status, answer.text]).to.deep.equal([202, '']);
    const { paths } = (await request('/roles/openapi.json')).json<{
      paths: Record<string, Record<string, { responses: object }>>;
    }>();
    expect(paths['/roles/{id}']?.['delete']?.responses).to.include.keys('202', '204', '404');
    expect(paths['/roles/{id}']?.['patch']?.responses).to.not.include.keys('202');
  });

  it('C1 goes on where it was when it is asked for again after a failure', async () => {
    const { role, first, second } = await manyHolders();
    const versions = async () =>
      Promise.all(
        [first, second].map(async ({ id }) => (await app.app.use(Users).find(id))?.rolesVersion),
      );
    const lost = () => Promise.reject(new Error('lost'));
    hooks.once('after', 'user-roles-take', lost, 2);
    expect((await remove(role)).status).to.equal(500);
    expect(await versions()).to.deep.equal([3, 2]);
    const work = await watch.during(async () => {
      expect((await remove(role)).status).to.equal(204);
    });
    expect(batchesOf(work, 'user_roles')).to.deep.equal([BATCH, BATCH / 2]);
    expect(await versions()).to.deep.equal([3, 3]);
  });
});
