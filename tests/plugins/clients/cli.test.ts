import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { CommandError } from '../../../src/kernel/plugin.ts';
import { ProblemError } from '../../../src/kernel/problem.ts';
import { provide } from '../../../src/kernel/service.ts';
import { clientCommands } from '../../../src/plugins/clients/cli.ts';
import { type ClientService, Clients } from '../../../src/plugins/clients/contract.ts';
import { clients } from '../../../src/plugins/clients/index.ts';
import { type GrantService, Grants } from '../../../src/plugins/grants/contract.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createPluginContext, findService, runCommand, untouched } from '../plugin-context.ts';
import { unheardRevocations } from '../unheard-revocations.ts';
import { checkSecret } from './check-secret.ts';

const OPTIONS = { name: 'Shop', redirectUri: ['https://rp.example/cb', 'https://rp.example/cb2'] };

describe('client commands', () => {
  let test: TestDatabase;
  let service: ClientService;

  beforeEach(async () => {
    test = await createTestDatabase();
    const grants = untouched<GrantService>('grants', { endAll: async () => [] });
    const services = [provide(Grants, grants), unheardRevocations(test.database)];
    const { context } = createPluginContext({ db: test.database, services });
    service = findService(clients.setup(context).provides ?? [], Clients);
  });
  afterEach(() => test.drop());

  const run = (name: string, line: { args?: string[]; options?: object; stdin?: string } = {}) =>
    runCommand(clientCommands, { name: `client ${name}`, ...line }, [provide(Clients, service)]);
  const failureOf = (work: Promise<unknown>) => work.catch((error: unknown) => error);

  it('create prints the secret once and never again', async () => {
    const { text, note } = await run('create', { options: OPTIONS });
    const secret = /^client_secret +([\w-]{43})$/m.exec(text)?.[1] ?? '';
    const id = /^client_id +(\S+)$/m.exec(text)?.[1] ?? '';
    expect(await checkSecret(test.database, id, secret)).to.equal(true);
    expect(text).to.match(/^redirect_uris +https:\/\/rp.example\/cb https:\/\/rp.example\/cb2$/m);
    expect(note.join()).to.include('not shown again');
    for (const { text: later } of [
      await run('show', { args: [id] }),
      await run('show', { args: [id], options: { json: true } }),
      await run('list', { options: { json: true } }),
    ]) {
      expect(later).to.include(id).and.not.include('secret_hash').and.not.include(secret);
    }
  });

  it('create --json prints RFC 7591 metadata and nothing else', async () => {
    const { text, note } = await run('create', { options: { ...OPTIONS, json: true } });
    const printed = JSON.parse(text) as Record<string, unknown>;
    expect(printed['client_secret']).to.match(/^[\w-]{43}$/);
    expect(printed).to.deep.include({
      client_name: 'Shop',
      redirect_uris: OPTIONS.redirectUri,
      created_at: '2026-11-22T00:00:00.000Z',
    });
    expect(note).to.deep.equal([]);
  });

  it('create takes every option', async () => {
    const { privateKey: _unused, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { text } = await run('create', {
      options: {
        name: 'App',
        redirectUri: ['com.example.app:/cb'],
        postLogoutRedirectUri: ['com.example.app:/bye'],
        backchannelLogoutUri: 'https://rp.example/bcl',
        firstParty: true,
        allowScope: ['account', 'admin'],
        grant: ['authorization_code', 'client_credentials'],
        native: true,
        authMethod: 'private_key_jwt',
        jwksStdin: true,
        idTokenAlg: 'ES256',
        json: true,
      },
      stdin: JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] }),
    });
    expect(JSON.parse(text)).to.deep.include({
      client_name: 'App',
      redirect_uris: ['com.example.app:/cb'],
      post_logout_redirect_uris: ['com.example.app:/bye'],
      backchannel_logout_uri: 'https://rp.example/bcl',
      first_party: true,
      allowed_scopes: ['account', 'admin'],
      grant_types: ['authorization_code', 'client_credentials'],
      application_type: 'native',
      token_endpoint_auth_method: 'private_key_jwt',
      id_token_signed_response_alg: 'ES256',
    });
    expect(text).to.not.include('client_secret');
  });

  it('create --public makes a client without a secret', async () => {
    const { text } = await run('create', { options: { ...OPTIONS, public: true } });
    expect(text)
      .to.match(/^token_endpoint_auth_method +none$/m)
      .and.not.include('client_secret');
  });

  it('D2 create says which kind it made and what its tokens carry, also in JSON', async () => {
    const { own, api } = service.resources;
    const machine = { name: 'API', grant: ['client_credentials'] };
    for (const [options, kind, aud, roles] of [
      [OPTIONS, 'third-party', [own], false],
      [{ ...OPTIONS, api: true }, 'third-party', [api, own], true],
      [{ ...OPTIONS, firstParty: true }, 'first-party', [api, own], true],
      [{ ...machine, api: true }, 'third-party', [api, own], false],
      [machine, 'third-party', [own], false],
    ] as const) {
      const json = JSON.parse((await run('create', { options: { ...options, json: true } })).text);
      expect(json).to.deep.include({ kind, access_tokens: { aud, roles } });
      const said = (await run('create', { options })).note.join();
      expect(said).to.include(`A ${kind} client`).and.to.include(aud.join(' and '));
      expect(said).to.include(roles ? 'say the roles of the user' : 'say no roles');
      expect(said.includes('--api'), 'how to get the API').to.equal(aud.length === 1);
    }
  });

  it('D2 update grants the API, takes it away, and leaves an audit line', async () => {
    const { client } = await service.create({
      client_name: 'A',
      redirect_uris: ['https://a.example'],
    });
    const args = [client.client_id];
    const { api } = service.resources;
    const granted = await run('update', { args, options: { api: true, json: true } });
    expect(JSON.parse(granted.text)).to.deep.include({ allowed_resources: [api] });
    expect((await service.find(client.client_id))?.allowed_resources).to.deep.equal([api]);
    const taken = await run('update', { args, options: { api: false } });
    expect(taken.note.join()).to.include('say no roles');
    expect(taken.recorded).to.deep.equal([`client_resources_set ${client.client_id}`]);
    expect((await service.find(client.client_id))?.allowed_resources).to.deep.equal([]);
    const [undecided, unknown, ours] = [
      await failureOf(run('update', { args })),
      await failureOf(run('update', { args: ['nobody'], options: { api: true } })),
      await failureOf(
        run('update', {
          args: [
            (
              await service.create({
                client_name: 'B',
                redirect_uris: ['https://b.example'],
                first_party: true,
              })
            ).client.client_id,
          ],
          options: { api: false },
        }),
      ),
    ];
    expect(undecided).to.be.instanceOf(CommandError);
    expect(unknown).to.be.instanceOf(ProblemError);
    expect(ours).to.be.instanceOf(CommandError);
  });

  it('create says what is wrong', async () => {
    const unnamed = await failureOf(run('create', { options: {} }));
    expect(unnamed).to.be.instanceOf(CommandError).with.property('message', '--name is needed');
    const both = { ...OPTIONS, public: true, authMethod: 'client_secret_post' };
    const clash = await failureOf(run('create', { options: both }));
    expect(clash).to.be.instanceOf(CommandError);
    const options = { ...OPTIONS, authMethod: 'private_key_jwt', jwksStdin: true };
    const noKeys = await failureOf(run('create', { options, stdin: 'no json' }));
    expect(noKeys).to.be.instanceOf(CommandError);
    const http = { ...OPTIONS, redirectUri: ['http://rp.example/cb'] };
    const insecure = await failureOf(run('create', { options: http }));
    expect(insecure).to.be.instanceOf(ProblemError);
    const { errors } = (insecure as ProblemError).details;
    expect(errors?.[0]?.detail).to.include('"http://rp.example/cb" must use https');
    expect(await service.list()).to.deep.equal([]);
  });

  it('list shows all, or says that there are none', async () => {
    expect(await run('list')).to.deep.include({ out: [] });
    const { client } = await service.create({
      client_name: 'A',
      redirect_uris: ['https://a.example'],
    });
    const { out } = await run('list');
    expect(out).to.deep.equal([`${client.client_id}  A  authorization_code refresh_token`]);
  });

  it('rotate-secret prints the new secret alone', async () => {
    const { client } = await service.create({
      client_name: 'A',
      redirect_uris: ['https://a.example'],
    });
    const args = [client.client_id];
    const { out } = await run('rotate-secret', { args });
    expect(out).to.have.length(1);
    expect(await checkSecret(test.database, client.client_id, out[0] ?? '')).to.equal(true);
    const { text } = await run('rotate-secret', { args, options: { json: true } });
    const { client_secret } = JSON.parse(text) as { client_secret: string };
    expect(await checkSecret(test.database, client.client_id, client_secret)).to.equal(true);
  });

  it('delete removes it; show, delete and rotate-secret then know no such client', async () => {
    const { client } = await service.create({
      client_name: 'A',
      redirect_uris: ['https://a.example'],
    });
    const args = [client.client_id];
    await run('delete', { args });
    for (const name of ['show', 'delete', 'rotate-secret']) {
      const failure = await failureOf(run(name, { args }));
      expect(failure).to.be.instanceOf(ProblemError);
      expect((failure as ProblemError).problem.type).to.equal('urn:problem:clients:not-found');
    }
  });
});
