import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { withTranscript } from '../../scripts/api-transcript/document.ts';
import { chapters } from '../../scripts/api-transcript/steps.ts';
import { transcribe } from '../../scripts/api-transcript/transcript.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findProgram, thisMachine } from '../support/find-program.ts';
import { SECRET_KEY, type ServerProcess, startServerProcess } from '../support/server-process.ts';

/** Milliseconds, with an installation of curl. */
const INSTALL_TIME = 180_000;
const FILE = path.join(import.meta.dirname, '../../docs/api.md');

const CURL = { names: ['curl'], suites: 'the test of docs/api.md' };

describe('docs/api.md', () => {
  let database: TestDatabase;
  let server: ServerProcess;

  before(async function () {
    this.timeout(INSTALL_TIME);
    if ((await findProgram(CURL, thisMachine('curl'))) === undefined) return this.skip();
    database = await createTestDatabase();
    server = await startServerProcess({ databaseUrl: database.url });
  });
  after(async () => {
    await server?.stop();
    await database?.drop();
  });

  it('shows what every call of the REST API answers', async function () {
    this.timeout(90_000);
    const { issuer } = server;
    const settings = { DATABASE_URL: database.url, SECRET_KEY, PUBLIC_URL: issuer };
    const transcript = await transcribe(chapters, { issuer, settings });
    const document = await readFile(FILE, 'utf8');
    expect(document, 'run `npm run api-transcript`').to.equal(withTranscript(document, transcript));
  });
});
