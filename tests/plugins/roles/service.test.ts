import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Database } from '../../../src/kernel/store.ts';
import { createClaimSources } from '../../../src/plugins/roles/claims.ts';
import { createRoleModel } from '../../../src/plugins/roles/model.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { problemOf } from '../users/users-fixture.ts';
import { createRolesFixture, type RolesFixture } from './roles-fixture.ts';

const newName = (): string => `role-${randomUUID()}`;

describe('roles', () => {
  let test: TestDatabase;
  let fixture: RolesFixture;

  before(async () => {
    test = await createTestDatabase({ poolSize: 10 });
    fixture = createRolesFixture(test.database);
  });
  after(() => test.drop());

  const createRole = () => fixture.roles.create({ name: newName() });

  describe('the roles there are', () => {
    it('makes, lists, finds and deletes', async () => {
      const name = newName();
      const role = await fixture.roles.create({ name, description: 'Writes' });
      expect(role).to.deep.include({ name, description: 'Writes' });
      expect(role.createdAt).to.deep.equal(new Date(fixture.clock.now()));
      expect(await fixture.roles.findByName(name)).to.deep.equal(role);
      expect(await fixture.roles.list()).to.deep.include(role);
      await fixture.roles.delete(role.id);
      expect(await fixture.roles.findByName(name)).to.equal(undefined);
      expect(await problemOf(fixture.roles.delete(role.id))).to.equal('roles:not-found');
    });

    it('lists by name', async () => {
      for (const name of ['zeta', 'alpha']) await fixture.roles.create({ name });
      const names = (await fixture.roles.list()).map(({ name }) => name);
      expect(names.indexOf('alpha')).to.be.below(names.indexOf('zeta'));
    });

    it('makes one of 20 roles of one name', async () => {
      const name = newName();
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => problemOf(fixture.roles.create({ name }))),
      );
      expect(outcomes.filter((outcome) => outcome === 'no problem')).to.have.lengthOf(1);
      expect(outcomes.filter((outcome) => outcome === 'roles:name-taken')).to.have.lengthOf(19);
    });

    it('SEC-91 refuses names and descriptions that break the rules', async () => {
      const names = ['', 'A', 'Editor', '1st', '-x', 'a b', 'é', 'a\n', 'a\0', 'x'.repeat(65)];
      for (const name of names) {
        expect(await problemOf(fixture.roles.create({ name })), name).to.equal(
          'roles:invalid-name',
        );
        expect(await fixture.roles.findByName(name), name).to.equal(undefined);
      }
      for (const description of ['\0', 'x\u202Ey', '\uD800', 'x'.repeat(501)]) {
        expect(await problemOf(fixture.roles.create({ name: newName(), description }))).to.equal(
          'roles:invalid-description',
        );
      }
      expect(await problemOf(fixture.roles.create({ name: `x${'-'.repeat(63)}` }))).to.equal(
        'no problem',
      );
    });

    it('SEC-80 takes an id that is no UUID for one of nothing', async () => {
      for (const id of ['', 'x', '\0', `${randomUUID()} `]) {
        expect(await problemOf(fixture.roles.delete(id)), id).to.equal('roles:not-found');
        expect(await fixture.roles.namesOf(id), id).to.deep.equal([]);
        expect(await fixture.roles.has(id, 'superuser'), id).to.equal(false);
      }
    });

    it('has superuser from the start, once, and keeps it', async () => {
      await Promise.all(Array.from({ length: 10 }, () => fixture.roles.ensureSuperuser()));
      const superusers = (await fixture.roles.list()).filter(({ name }) => name === 'superuser');
      expect(superusers).to.have.lengthOf(1);
      expect(await problemOf(fixture.roles.delete(superusers[0]?.id ?? ''))).to.equal(
        'roles:protected',
      );
    });
  });

  describe('who has them', () => {
    it('grants and revokes, denying older tokens each time', async () => {
      const { name } = await createRole();
      const { id } = await fixture.register();
      const [denied, told] = [fixture.denied.length, fixture.emitted.length];

      await fixture.roles.grant(id, name);
      expect(await fixture.roles.namesOf(id)).to.deep.equal([name]);
      expect(await fixture.roles.has(id, name)).to.equal(true);
      expect(await fixture.rolesVersion(id)).to.equal(2);

      await fixture.roles.revoke(id, name);
      expect(await fixture.roles.namesOf(id)).to.deep.equal([]);
      expect(await fixture.roles.has(id, name)).to.equal(false);
      expect(await fixture.rolesVersion(id)).to.equal(3);

      expect(fixture.denied.slice(denied)).to.deep.equal([
        { sub: id, rolesVersion: 2 },
        { sub: id, rolesVersion: 3 },
      ]);
      expect(fixture.emitted.slice(told)).to.deep.equal([
        ['role.granted', { userId: id, role: name }],
        ['role.revoked', { userId: id, role: name }],
      ]);
    });

    it('does nothing when nothing changes', async () => {
      const { name } = await createRole();
      const { id } = await fixture.register();
      await fixture.roles.revoke(id, name);
      expect(await fixture.rolesVersion(id)).to.equal(1);
      await fixture.roles.grant(id, name);
      const [denied, told] = [fixture.denied.length, fixture.emitted.length];
      await fixture.roles.grant(id, name);
      expect(await fixture.rolesVersion(id)).to.equal(2);
      expect(fixture.denied).to.have.lengthOf(denied);
      expect(fixture.emitted).to.have.lengthOf(told);
    });

    it('changes once when asked 20 times at once', async () => {
      const { name } = await createRole();
      const { id } = await fixture.register();
      const all = (work: () => Promise<boolean>) => Promise.all(Array.from({ length: 20 }, work));
      await all(() => fixture.roles.grant(id, name));
      expect(await fixture.rolesVersion(id)).to.equal(2);
      await all(() => fixture.roles.revoke(id, name));
      expect(await fixture.rolesVersion(id)).to.equal(3);
    });

    it('names an unknown role and an unknown user', async () => {
      const { name } = await createRole();
      const { id } = await fixture.register();
      for (const change of ['grant', 'revoke'] as const) {
        for (const role of ['none', 'No such\0']) {
          expect(await problemOf(fixture.roles[change](id, role))).to.equal('roles:not-found');
        }
        for (const user of [randomUUID(), 'nobody', '\0']) {
          expect(await problemOf(fixture.roles[change](user, name))).to.equal('users:not-found');
        }
      }
    });

    it('takes a deleted role from everybody', async () => {
      const role = await createRole();
      const holders = await Promise.all([fixture.register(), fixture.register()]);
      for (const { id } of holders) await fixture.roles.grant(id, role.name);
      const [denied, told] = [fixture.denied.length, fixture.emitted.length];
      await fixture.roles.delete(role.id);
      for (const { id } of holders) {
        expect(await fixture.roles.namesOf(id)).to.deep.equal([]);
        expect(await fixture.rolesVersion(id)).to.equal(3);
      }
      expect(fixture.denied.slice(denied)).to.have.deep.members(
        holders.map(({ id }) => ({ sub: id, rolesVersion: 3 })),
      );
      expect(fixture.emitted.slice(told).map(([name]) => name)).to.deep.equal([
        'role.revoked',
        'role.revoked',
      ]);
    });

    it('survives grants of a role that is deleted meanwhile', async () => {
      for (let round = 0; round < 5; round += 1) {
        const role = await createRole();
        const users = await Promise.all([fixture.register(), fixture.register()]);
        const outcomes = await Promise.all([
          ...users.map(({ id }) => problemOf(fixture.roles.grant(id, role.name))),
          problemOf(fixture.roles.delete(role.id)),
          ...users.map(({ id }) => problemOf(fixture.roles.grant(id, role.name))),
        ]);
        for (const outcome of outcomes) {
          expect(outcome).to.be.oneOf(['no problem', 'roles:not-found']);
        }
        for (const { id } of users) expect(await fixture.roles.namesOf(id)).to.deep.equal([]);
      }
    });

    it('does not count the role of a disabled user', async () => {
      const { name } = await createRole();
      const { id } = await fixture.register();
      await fixture.roles.grant(id, name);
      await fixture.users.disable(id);
      expect(await fixture.roles.has(id, name)).to.equal(false);
      expect(await fixture.roles.namesOf(id)).to.deep.equal([name]);
    });
  });

  describe('claims', () => {
    const sourceOf = (place: 'access_token' | 'account', db: Database = test.database) => {
      const found = createClaimSources(createRoleModel(db)).find((one) => one.in.includes(place));
      return found ?? expect.fail(`there are no claims for ${place}`);
    };
    const subject = { clientId: 'client', scopes: new Set<string>(), forApi: true };
    const claims = (userId: string, db?: Database) =>
      sourceOf('access_token', db).claims({ ...subject, userId });

    it('tells the roles in order and their version, by one query', async () => {
      const { id } = await fixture.register();
      for (const name of ['writer', 'editor', 'chief']) {
        await fixture.roles.create({ name });
        await fixture.roles.grant(id, name);
      }
      let queries = 0;
      const counting: Database = {
        orm: test.database.orm,
        transaction: test.database.transaction,
        query: (...args) => {
          queries += 1;
          return test.database.query(...args);
        },
      };
      expect(await claims(id, counting)).to.deep.equal({
        roles: ['chief', 'editor', 'writer'],
        roles_ver: 4,
      });
      expect(queries).to.equal(1);
    });

    it('tells none of a user without roles', async () => {
      const { id } = await fixture.register();
      expect(await claims(id)).to.deep.equal({ roles: [], roles_ver: 1 });
    });

    it('gives a user who is no longer active a token that is stale from the start', async () => {
      const { name } = await createRole();
      const { id } = await fixture.register();
      await fixture.roles.grant(id, name);
      await fixture.users.disable(id);
      for (const userId of [id, randomUUID(), 'nobody']) {
        expect(await claims(userId)).to.deep.equal({ roles: [], roles_ver: 0 });
      }
    });

    it('claims exactly what it sets', async () => {
      const { id } = await fixture.register();
      const source = sourceOf('access_token');
      expect(await claims(id)).to.have.all.keys(source.names);
      expect(source.in).to.deep.equal(['access_token']);
    });

    it('D2 tells a token that is not for the API how old the roles are, and none of them', async () => {
      const { id } = await fixture.register();
      const { name } = await createRole();
      await fixture.roles.grant(id, name);
      const source = sourceOf('access_token');
      expect(await source.claims({ ...subject, userId: id, forApi: false })).to.deep.equal({
        roles_ver: 2,
      });
    });

    it('D2 tells ID token and userinfo the roles for the scope roles only, and asks nothing otherwise', async () => {
      const { id } = await fixture.register();
      const { name } = await createRole();
      await fixture.roles.grant(id, name);
      const scopes = new Set(['openid', 'roles']);
      expect(await sourceOf('account').claims({ ...subject, userId: id, scopes })).to.deep.equal({
        roles: [name],
      });
      const silent: Database = { ...test.database, query: () => expect.fail('a query') };
      expect(await sourceOf('account', silent).claims({ ...subject, userId: id })).to.deep.equal(
        {},
      );
    });
  });
});
