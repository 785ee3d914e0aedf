import { randomBytes } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { authsrv } from '../support/authsrv.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';

interface Printed {
  readonly settings: readonly { name: string; value: string; source: string }[];
  readonly [fact: string]: unknown;
}

describe('authsrv config', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await makeScratchFolder('cli-config-');
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function printed(env: Record<string, string>) {
    const { code, stdout, stderr } = await authsrv(['config', '--json'], { env, cwd: folder });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    const { settings, ...facts } = JSON.parse(stdout) as Printed;
    const of = (name: string) => {
      const { value, source } = settings.find((setting) => setting.name === name) ?? {};
      return `${value} (${source})`;
    };
    return { of, facts, stdout };
  }

  it('shows what applies without any setting, and touches no storage', async () => {
    const { of, facts } = await printed({});
    expect(of('PUBLIC_URL')).to.equal('http://localhost:3000 (default)');
    expect(of('API_AUDIENCE')).to.equal('http://localhost:3000/api (default)');
    expect(of('DATABASE_URL')).to.equal('embedded, in ./data/postgres (default)');
    expect(of('REDIS_URL')).to.equal('none: PostgreSQL is the state store (default)');
    expect(of('SECRET_KEY')).to.equal('generated, in ./data/secret.key (default)');
    expect(of('MIGRATE_ON_START')).to.equal('true (default)');
    expect(facts).to.deep.include({
      issuer: 'http://localhost:3000',
      database: 'embedded',
      state_store: 'postgresql',
    });
    expect(facts['plugins']).to.include('users');
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('prints the redirect URIs to register at providers', async () => {
    const issuer = 'https://login.acme.example';
    const acme = { id: 'acme', name: 'Acme', issuer, client_id: 'c', client_secret: 'hidden-one' };
    const { facts, stdout, of } = await printed({
      PUBLIC_URL: 'http://localhost:3000/sub',
      GOOGLE_CLIENT_ID: 'x',
      GOOGLE_CLIENT_SECRET: 'y',
      OIDC_PROVIDERS: JSON.stringify([acme]),
    });
    expect(facts['notes']).to.deep.equal([
      'redirect URI for Google: http://localhost:3000/sub/oauth2/google/callback',
      'redirect URI for Acme: http://localhost:3000/sub/oauth2/acme/callback',
    ]);
    expect(of('OIDC_PROVIDERS')).to.equal('******** (environment)');
    expect(stdout).not.to.contain('hidden-one');
  });

  it('SEC-95 shows where each setting comes from, with secrets masked', async () => {
    const secret = randomBytes(32).toString('base64url');
    await writeFile(path.join(folder, 'key'), secret);
    await writeFile(path.join(folder, '.env'), `REDIS_URL=redis://:${secret}@cache:6379\n`);
    const { of, facts, stdout } = await printed({
      PUBLIC_URL: 'https://auth.example.com/sub/',
      SECRET_KEY_FILE: path.join(folder, 'key'),
      DATABASE_URL: `postgres://auth:${secret}@db/auth`,
      PASSWORD_PEPPER: secret,
      SESSION_TTL: '7776001',
    });
    expect(stdout).to.not.contain(secret);
    expect(of('SECRET_KEY')).to.equal('******** (file)');
    expect(of('DATABASE_URL')).to.equal('******** (environment)');
    expect(of('REDIS_URL')).to.equal('******** (environment)');
    expect(of('PASSWORD_PEPPER')).to.equal('******** (environment)');
    expect(of('API_AUDIENCE')).to.equal('https://auth.example.com/sub/api (default)');
    expect(of('MIGRATE_ON_START')).to.equal('false (default)');
    expect(of('SESSION_TTL')).to.equal('7776001 (environment)');
    expect(facts).to.include({
      issuer: 'https://auth.example.com/sub',
      database: 'external',
      state_store: 'redis',
    });
  });

  it('aligns its columns', async () => {
    const { stdout } = await authsrv(['config'], { cwd: folder });
    const [table = ''] = stdout.split('\n\n');
    const sources = table.split('\n').map((line) => / {2}(default)$/.exec(line)?.index);
    expect(sources).to.have.length.greaterThan(20);
    expect(new Set(sources).size).to.equal(1);
    expect(stdout).to.contain('\nissuer: http://localhost:3000\n');
  });

  it('names every fault instead', async () => {
    const env = { PORT: 'x', SECRET_KEY: 'short' };
    const { code, stdout, stderr } = await authsrv(['config', '--json'], { env, cwd: folder });
    expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
    expect(stderr).to.contain('PORT: ').and.contain('SECRET_KEY: ').and.not.contain('short');
  });
});
