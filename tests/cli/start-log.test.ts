/** What a start writes to the log. */
import path from 'node:path';
import { expect } from 'chai';
import { builtIn } from '../../src/plugins.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';

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
});
