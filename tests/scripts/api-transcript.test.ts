import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { withTranscript } from '../../scripts/api-transcript/document.ts';
import { type StandIn, startStandIn } from '../../scripts/api-transcript/stand-in.ts';
import { chapters } from '../../scripts/api-transcript/steps.ts';
import { transcribe } from '../../scripts/api-transcript/transcript.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findProgram, thisMachine } from '../support/find-program.ts';
import { SECRET_KEY, type ServerProcess, startServerProcess } from '../support/server-process.ts';

/** Milliseconds, with an installation of curl. */
const INSTALL_TIME = 180_000;
const FILE = path.join(import.meta.dirname, '../../docs/api.md');

const CURL = { names: ['curl'], suites: 'the test of docs/api.md' };

/** `POST /oidc/token` of a command for the shell. */
function calledBy(command: string): string {
  const [, path = ''] = /"\$AUTH(\/[^"?]*)/.exec(command) ?? [];
  const [, named] = / -X ([A-Z]+)/.exec(command) ?? [];
  const sendsForm = command.includes(' -d ') && !command.includes(' -G ');
  return `${named ?? (sendsForm ? 'POST' : 'GET')} ${path}`;
}

const isOf = (call: string, operation: string): boolean =>
  new RegExp(`^${operation.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(call);

describe('docs/api.md', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let standIn: StandIn;

  before(async function () {
    this.timeout(INSTALL_TIME);
    if ((await findProgram(CURL, thisMachine('curl'))) === undefined) return this.skip();
    database = await createTestDatabase();
    standIn = await startStandIn();
    server = await startServerProcess({ databaseUrl: database.url, settings: standIn.settings });
  });
  after(async () => {
    await server?.stop();
    await standIn?.close();
    await database?.drop();
  });

  it('shows every operation of the API’s document', async () => {
    const { text } = await server.browser().request('/openapi.json');
    const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, object>> };
    const operations = Object.entries(paths).flatMap(([template, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${template}`),
    );
    const shown = chapters.flatMap(({ steps }) => steps.map(({ run }) => calledBy(run)));
    const missing = operations.filter((operation) => !shown.some((one) => isOf(one, operation)));
    // Where a provider sends the browser is in a variable; the other is the same as its GET.
    expect(missing).to.have.members(['GET /oauth2/{provider}/callback', 'POST /oidc/userinfo']);
  });

  it('shows what every call of the REST API answers', async function () {
    this.timeout(90_000);
    const { issuer } = server;
    const settings = { DATABASE_URL: database.url, SECRET_KEY, PUBLIC_URL: issuer };
    const transcript = await transcribe(chapters, {
      ...{ issuer, settings },
      upstream: standIn.issuer,
    });
    const document = await readFile(FILE, 'utf8');
    expect(document, 'run `npm run api-transcript`').to.equal(withTranscript(document, transcript));
  });
});
