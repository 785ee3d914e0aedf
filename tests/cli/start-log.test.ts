/** What a start writes to the log. */
import path from 'node:path';
import { expect } from 'chai';
import { builtIn } from '../../src/plugins.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runCommand, type ServerProcess, startServerProcess } from '../support/server-process.ts';

const HELLO = path.join(import.meta.dirname, '../../examples/plugin-hello/index.ts');

describe('authsrv start', () => {
  let database: TestDatabase;
  let server: ServerProcess | undefined;

  before(async () => {
    database = await createTestDatabase();
  });
  after(async () => {
    await server?.stop();
    await database.drop();
  });

  it('SEC-96 logs every plugin that it runs with, third-party ones too', async function () {
    this.timeout(60_000);
    server = await startServerProcess({ databaseUrl: database.url, settings: { PLUGINS: HELLO } });
    const line = server.output.find((one) => one.includes('"server.started"')) ?? '{}';
    const { plugins } = JSON.parse(line) as { plugins: string[] };
    const always = builtIn.filter(({ enabled }) => !enabled).map(({ name }) => name);
    expect(plugins).to.include.members([...always, 'hello']);
    expect(plugins).not.to.include('google');
  });

  it('introspection and revocation write nothing but the log: no plain line on standard error', async () => {
    const { issuer } = server ?? expect.fail();
    const args = ['--grant', 'client_credentials', '--allow-scope', 'revocations', '--json'];
    const made = await runCommand(['client', 'create', '--name', 'api', ...args], {
      DATABASE_URL: database.url,
      PUBLIC_URL: issuer,
    });
    const { client_id: id, client_secret: secret } = JSON.parse(made) as Record<string, string>;
    const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
    const post = async (path: string, form: Record<string, string>) => {
      const body = new URLSearchParams(form);
      const answer = await fetch(`${issuer}/oidc/${path}`, {
        method: 'POST',
        headers: { authorization },
        body,
      });
      return (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    };
    const grant = { grant_type: 'client_credentials', scope: 'revocations' };
    const token = String((await post('token', grant))['access_token']);
    expect(await post('introspect', { token })).to.include({ active: true, client_id: id });
    await post('revoke', { token });
    expect(await post('introspect', { token })).to.deep.equal({ active: false });
    expect(server?.errors).to.deep.equal([]);
  });
});
