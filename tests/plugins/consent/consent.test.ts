import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { ProblemError } from '../../../src/kernel/problem.ts';
import { provide } from '../../../src/kernel/service.ts';
import type { Transaction } from '../../../src/kernel/store.ts';
import { type ClientService, Clients } from '../../../src/plugins/clients/contract.ts';
import { Consents } from '../../../src/plugins/consent/contract.ts';
import { consent } from '../../../src/plugins/consent/index.ts';
import {
  type GrantFilter,
  type GrantService,
  Grants,
} from '../../../src/plugins/grants/contract.ts';
import { type UserService, Users } from '../../../src/plugins/users/contract.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createPluginContext, findService, untouched } from '../plugin-context.ts';
import { unheardRevocations } from '../unheard-revocations.ts';

const USER = {
  name: 'test-user',
  text: `INSERT INTO users (id, email, email_canonical, created_at, updated_at)
    VALUES ($1::uuid, 'a@example.com', $1::uuid::text, now(), now())`,
};
const CLIENT = {
  name: 'test-client',
  text: `INSERT INTO clients (id, name, metadata, created_at, updated_at)
    VALUES ($1, 'Shop', '{}', now(), now())`,
};
const DELETE_CLIENT = { name: 'test-delete-client', text: 'DELETE FROM clients WHERE id = $1' };

const given = (scopes: readonly string[], resources: readonly string[] = []) => ({
  scopes,
  resources,
});

describe('consents', () => {
  let test: TestDatabase;
  let userId: string;
  let clientId: string;

  before(async () => {
    test = await createTestDatabase({ poolSize: 10 });
  });
  beforeEach(async () => {
    userId = await addUser();
    clientId = await addClient();
  });
  after(() => test.drop());

  async function addUser(): Promise<string> {
    const id = randomUUID();
    await test.database.query(USER, [id]);
    return id;
  }
  async function addClient(): Promise<string> {
    const id = randomUUID();
    await test.database.query(CLIENT, [id]);
    return id;
  }

  function setUp(endAll?: GrantService['endAll']) {
    const ended: { filter: GrantFilter; transaction: Transaction }[] = [];
    const grants = untouched<GrantService>('grants', {
      endAll:
        endAll ??
        (async (filter, _reason, transaction) => {
          ended.push({ filter, transaction });
          return [];
        }),
    });
    const services = [
      provide(Grants, grants),
      unheardRevocations(test.database),
      provide(Users, untouched<UserService>('users')),
      provide(Clients, untouched<ClientService>('clients')),
    ];
    const { context } = createPluginContext({ db: test.database, services });
    return { service: findService(consent.setup(context).provides ?? [], Consents), ended };
  }
  const allowed = async (user = userId, client = clientId) =>
    [...(await setUp().service.allowed(user, client)).scopes].sort();

  it('are bound to user, client and scopes (SEC-61)', async () => {
    const { service } = setUp();
    expect(await allowed()).to.deep.equal([]);
    await service.allow(userId, clientId, given(['openid', 'email']));
    expect(await allowed()).to.deep.equal(['email', 'openid']);
    expect(await allowed(await addUser())).to.deep.equal([]);
    expect(await allowed(userId, await addClient())).to.deep.equal([]);
  });

  it('grow, and are not narrowed by a smaller request', async () => {
    const { service } = setUp();
    await service.allow(userId, clientId, given(['openid', 'email']));
    await service.allow(userId, clientId, given(['openid', 'account']));
    await service.allow(userId, clientId, given([]));
    expect(await allowed()).to.deep.equal(['account', 'email', 'openid']);
  });

  it('lose none of 20 that are given at once', async () => {
    const { service } = setUp();
    const scopes = Array.from(
      { length: 20 },
      (_, index) => `scope-${String(index).padStart(2, '0')}`,
    );
    await Promise.all(
      scopes.map((scope) => service.allow(userId, clientId, given([scope, 'openid']))),
    );
    expect(await allowed()).to.deep.equal(['openid', ...scopes]);
  });

  it('remember that everything asked for was allowed, even when that was nothing', async () => {
    const { service } = setUp();
    await service.allow(userId, clientId, given([]));
    expect(await allowed()).to.deep.equal([]);
  });

  it('are refused for a client or user that is gone', async () => {
    const { service } = setUp();
    await test.database.query(DELETE_CLIENT, [clientId]);
    const parties: [userId: string, clientId: string][] = [
      [userId, clientId],
      [randomUUID(), await addClient()],
    ];
    for (const [user, client] of parties) {
      const allow = service.allow(user, client, given(['openid']));
      const failure = await allow.catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(ProblemError);
      expect((failure as ProblemError).problem.type).to.equal('urn:problem:consent:party-gone');
    }
  });

  it('end with the client', async () => {
    await setUp().service.allow(userId, clientId, given(['openid']));
    await test.database.query(DELETE_CLIENT, [clientId]);
    expect(await allowed()).to.deep.equal([]);
  });

  it('are withdrawn together with the grants of this client for this user (SEC-51)', async () => {
    const { service, ended } = setUp();
    const other = await addUser();
    await service.allow(userId, clientId, given(['openid']));
    await service.allow(other, clientId, given(['openid']));
    await service.withdraw(userId, clientId);
    expect(await allowed()).to.deep.equal([]);
    expect(await allowed(other)).to.deep.equal(['openid']);
    expect(ended.map(({ filter }) => filter)).to.deep.equal([{ userId, clientId }]);
    expect(ended[0]?.transaction).to.be.an('object');
  });

  it('stay when the grants could not be ended', async () => {
    const { service } = setUp(async () => {
      throw new Error('no');
    });
    await service.allow(userId, clientId, given(['openid']));
    const failure = await service.withdraw(userId, clientId).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await allowed()).to.deep.equal(['openid']);
  });
});
