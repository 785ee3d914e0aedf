import { expect } from 'chai';
import { ProblemError } from '../../../src/kernel/problem.ts';
import { provide } from '../../../src/kernel/service.ts';
import type { Transaction } from '../../../src/kernel/store.ts';
import { Clients, type NewClient } from '../../../src/plugins/clients/contract.ts';
import { clients } from '../../../src/plugins/clients/index.ts';
import {
  type GrantFilter,
  type GrantService,
  Grants,
} from '../../../src/plugins/grants/contract.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createPluginContext, findService, untouched } from '../plugin-context.ts';
import { unheardRevocations } from '../unheard-revocations.ts';
import { checkSecret } from './check-secret.ts';

const NEW: NewClient = { client_name: 'Shop', redirect_uris: ['https://rp.example/cb'] };
const PUBLIC: NewClient = { ...NEW, token_endpoint_auth_method: 'none' };
const DUMP = { name: 'test-dump', text: 'SELECT * FROM clients' };
const CONSENTS = { name: 'test-consents', text: 'SELECT * FROM consents' };
const CONSENT = {
  name: 'test-consent',
  text: `WITH u AS (INSERT INTO users (id, email, email_canonical, created_at, updated_at)
    VALUES (gen_random_uuid(), 'a@example.com', gen_random_uuid()::text, now(), now()) RETURNING id)
    INSERT INTO consents SELECT u.id, $1, '{openid}', now(), now() FROM u`,
};

const problemOf = async (work: Promise<unknown>): Promise<string> => {
  const failure = await work.catch((error: unknown) => error);
  return failure instanceof ProblemError ? failure.problem.type : String(failure);
};

describe('clients', () => {
  let test: TestDatabase;

  before(async () => {
    test = await createTestDatabase();
  });
  beforeEach(() => test.database.query({ name: 'test-clear', text: 'DELETE FROM clients' }, []));
  after(() => test.drop());

  function setUp(given: Partial<Pick<GrantService, 'endAll' | 'endInBatches'>> = {}) {
    const ended: { filter: GrantFilter; transaction?: Transaction }[] = [];
    const grants = untouched<GrantService>('grants', {
      async endAll(filter: GrantFilter, _reason: string, transaction: Transaction) {
        ended.push({ filter, transaction });
        return [];
      },
      async endInBatches(filter: GrantFilter) {
        ended.push({ filter });
        return [];
      },
      ...given,
    });
    const services = [provide(Grants, grants), unheardRevocations(test.database)];
    const setting = createPluginContext({ db: test.database, services });
    const { provides = [] } = clients.setup(setting.context);
    return { service: findService(provides, Clients), ended, ...setting };
  }
  const dump = () => test.database.query<Record<string, unknown>>(DUMP, []);

  it('registers a client and gives it back', async () => {
    const { service, emitted } = setUp();
    const { client, client_secret } = await service.create({
      ...NEW,
      allowed_scopes: ['account'],
      first_party: true,
      backchannel_logout_uri: 'https://rp.example/bcl',
    });
    expect(client).to.deep.include({
      client_name: 'Shop',
      redirect_uris: ['https://rp.example/cb'],
      allowed_scopes: ['account'],
      first_party: true,
      backchannel_logout_uri: 'https://rp.example/bcl',
      created_at: new Date('2026-11-22T00:00:00Z'),
    });
    expect(client.client_id).to.match(/^[\da-f-]{36}$/);
    expect(client_secret).to.match(/^[\w-]{43}$/);
    expect(await service.find(client.client_id)).to.deep.equal(client);
    expect(await service.list()).to.deep.equal([client]);
    const payload = { clientId: client.client_id };
    expect(emitted).to.deep.equal([{ event: 'client.registered', payload }]);
  });

  it('writes nothing when the metadata is not valid', async () => {
    const { service, emitted } = setUp();
    const bad = { ...NEW, redirect_uris: ['https://rp.example/cb', 'http://rp.example/cb'] };
    expect(await problemOf(service.create(bad))).to.equal('urn:problem:clients:invalid-metadata');
    expect(await dump()).to.deep.equal([]);
    expect(emitted).to.deep.equal([]);
  });

  it('keeps secrets as hashes and logs none (SEC-59, SEC-94)', async () => {
    const { service, log } = setUp();
    const { client, client_secret = '' } = await service.create(NEW);
    const rotated = await service.rotateSecret(client.client_id);
    const kept = JSON.stringify([await dump(), log.entries]);
    expect(kept).to.not.include(client_secret).and.not.include(rotated);
    expect(JSON.stringify(await service.find(client.client_id))).to.not.include('secret_hash');
    expect(new Set([client_secret, rotated])).to.have.property('size', 2);
  });

  it('checks a secret, and never takes the stored hash for it (SEC-59)', async () => {
    const { service } = setUp();
    const { client, client_secret = '' } = await service.create(NEW);
    const [row] = await dump();
    const check = (secret: string) => checkSecret(test.database, client.client_id, secret);
    expect(await check(client_secret)).to.equal(true);
    for (const wrong of [
      '',
      `${client_secret} `,
      client_secret.slice(1),
      String(row?.['secret_hash']),
    ]) {
      expect(await check(wrong), JSON.stringify(wrong)).to.equal(false);
    }
    expect(await checkSecret(test.database, 'unknown', client_secret)).to.equal(false);
    const { client: open } = await service.create(PUBLIC);
    for (const secret of ['', 'x', '\u0000'.repeat(32)]) {
      expect(await checkSecret(test.database, open.client_id, secret)).to.equal(false);
    }
  });

  it('rotates a secret: the old one is dead at once', async () => {
    const { service } = setUp();
    const { client, client_secret = '' } = await service.create(NEW);
    const rotated = await service.rotateSecret(client.client_id);
    expect(await checkSecret(test.database, client.client_id, client_secret)).to.equal(false);
    expect(await checkSecret(test.database, client.client_id, rotated)).to.equal(true);
  });

  it('rotates no secret of a client that has none', async () => {
    const { service } = setUp();
    const { client, client_secret } = await service.create(PUBLIC);
    expect(client_secret).to.equal(undefined);
    const has = await problemOf(service.rotateSecret(client.client_id));
    expect(has).to.equal('urn:problem:clients:has-no-secret');
    const unknown = await problemOf(service.rotateSecret('unknown'));
    expect(unknown).to.equal('urn:problem:clients:not-found');
  });

  it('deletes a client, its consents and its grants in one transaction (SEC-51)', async () => {
    const { service, ended, emitted } = setUp();
    const { client } = await service.create(NEW);
    const clientId = client.client_id;
    await test.database.query(CONSENT, [clientId]);
    await service.delete(clientId);
    expect(await dump()).to.deep.equal([]);
    expect(await test.database.query(CONSENTS, [])).to.deep.equal([]);
    // Once with the client, and once for what was under way meanwhile.
    expect(ended.map(({ filter }) => filter)).to.deep.equal([{ clientId }, { clientId }]);
    expect(ended[0]?.transaction).to.be.an('object');
    expect(ended[1]?.transaction).to.equal(undefined);
    expect(emitted.at(-1)).to.deep.equal({ event: 'client.deleted', payload: { clientId } });
    expect(await service.find(clientId)).to.equal(undefined);
  });

  it('keeps the client when its grants could not be ended', async () => {
    const { service, emitted } = setUp({
      async endAll() {
        throw new Error('no');
      },
    });
    const { client } = await service.create(NEW);
    expect(await problemOf(service.delete(client.client_id))).to.equal('Error: no');
    expect(await service.find(client.client_id)).to.deep.equal(client);
    expect(emitted.map(({ event }) => event)).to.deep.equal(['client.registered']);
  });

  it('deletes the client, and says so, where only what was under way could not be ended', async () => {
    let calls = 0;
    const { service, emitted } = setUp({
      async endInBatches() {
        calls += 1;
        throw new Error('no');
      },
    });
    const { client } = await service.create(NEW);
    await service.delete(client.client_id);
    expect(calls).to.equal(1);
    expect(emitted.map(({ event }) => event)).to.deep.equal([
      'client.registered',
      'client.deleted',
    ]);
  });

  it('knows no client by an impossible id, and asks no database for it (SEC-80, SEC-91)', async () => {
    const { service, ended } = setUp();
    for (const id of ['', 'unknown', 'a\u0000b', '\ud800', "' OR 1=1 --", 'a'.repeat(10_000)]) {
      expect(await service.find(id)).to.equal(undefined);
      expect(await problemOf(service.delete(id))).to.equal('urn:problem:clients:not-found');
      expect(await problemOf(service.rotateSecret(id))).to.equal('urn:problem:clients:not-found');
    }
    expect(ended).to.deep.equal([]);
  });

  it('does no I/O while it is set up', () => {
    const services = [
      provide(Grants, untouched<GrantService>('grants')),
      unheardRevocations(test.database),
    ];
    expect(() => clients.setup(createPluginContext({ services }).context)).to.not.throw();
  });
});
