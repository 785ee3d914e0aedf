import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { builtIn } from '../../src/plugins.ts';
import { auditLines, authsrv, type CommandRun } from '../support/authsrv.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';

const PASSWORD = 'seven quiet herons fly';
const SECRET_KEY = randomBytes(36).toString('base64url');

/** Commands that change nothing. */
const READING = [
  'user list',
  'user show',
  'role list',
  'client list',
  'client show',
  'keys list',
  'mail list',
];

/** What each command that changes something must leave in the log, in this order. `$…` stands for an id made before. */
const CHANGING: readonly (readonly [line: string, events: readonly string[], stdin?: string])[] = [
  [
    `create-superuser ann@example.com --password-stdin --json`,
    ['admin.user_created', 'admin.role_granted'],
    PASSWORD,
  ],
  [`create-superuser ann@example.com --json`, []],
  [
    `create-superuser bo@example.com --password-stdin --json`,
    ['admin.user_created', 'admin.role_granted'],
    PASSWORD,
  ],
  ['role create editor Edits --json', ['admin.role_created']],
  ['role grant bo@example.com editor', ['admin.role_granted']],
  ['role grant bo@example.com editor', []],
  ['role revoke bo@example.com editor', ['admin.role_revoked']],
  ['role delete editor', ['admin.role_deleted']],
  ['user disable bo@example.com --json', ['admin.user_disabled']],
  ['user disable bo@example.com --json', []],
  ['user enable bo@example.com --json', ['admin.user_enabled']],
  ['user delete bo@example.com --yes', ['admin.user_deleted']],
  [
    'client create --name App --redirect-uri https://app.example.com/cb --json',
    ['client.registered'],
  ],
  ['client update $client_id --api', ['admin.client_resources_set']],
  ['client rotate-secret $client_id --json', ['client.secret_rotated']],
  ['client delete $client_id', ['client.deleted']],
  ['keys rotate --json', ['signing_key.published', 'signing_key.published']],
  ['keys rotate --compromised --json', Array(4).fill('signing_key.withdrawn')],
  ['mail retry $mail', ['admin.mail_retried']],
  ['restore seal --yes', [...Array(2).fill('signing_key.withdrawn'), 'restore.sealed']],
];

const FAILED_MAIL = {
  name: 'failed-mail',
  text: `INSERT INTO mails (id, recipient, template, locals, state, next_attempt_at, created_at)
    VALUES ($1, 'ann@example.com', 'verify-email', '{}', 'failed', now(), now())`,
};

describe('SEC-82 audit log of commands', function () {
  // Each command is a process of its own: this only ends a run that hangs, on however busy a machine.
  this.timeout(CHANGING.length * 60_000);
  let database: TestDatabase;
  let folder: string;
  const runs: {
    readonly line: string;
    readonly run: CommandRun;
    readonly expected: readonly string[];
  }[] = [];
  const ids = new Map<string, string>();

  const run = (line: string, stdin = '', settings = {}): Promise<CommandRun> => {
    const words = line.split(' ').map((word) => ids.get(word) ?? word);
    const DATA_DIR = path.join(folder, 'data');
    const env = { DATABASE_URL: database.url, DATA_DIR, SECRET_KEY, ...settings };
    return authsrv(words, { env, stdin, cwd: folder });
  };

  before(async () => {
    database = await createTestDatabase();
    folder = await makeScratchFolder('cli-audit-');
    ids.set('$mail', randomUUID());
    await database.database.query(FAILED_MAIL, [ids.get('$mail')]);
    for (const [line, expected, stdin] of CHANGING) {
      const done = await run(line, stdin);
      runs.push({ line, run: done, expected });
      const { client_id: clientId } =
        /"client_id": "(?<client_id>[^"]+)"/.exec(done.stdout)?.groups ?? {};
      if (clientId) ids.set('$client_id', clientId);
    }
  });
  after(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });

  it('knows every command', () => {
    const names = builtIn.flatMap(({ commands = [] }) => commands.map(({ name }) => name));
    const known = [...READING, ...CHANGING.map(([line]) => line)];
    expect(names.filter((name) => !known.some((line) => line.startsWith(name)))).to.deep.equal([]);
  });

  it('each change leaves its lines on standard error, and what changed nothing none', () => {
    for (const { line, run: done, expected } of runs) {
      expect(done.code, `${line}: ${done.stderr}`).to.equal(0);
      const events = auditLines(done).map(({ event }) => event);
      expect(events, line).to.deep.equal(expected);
    }
  });

  it('says that it was the command line, whom it changed and how', () => {
    const lines = runs.flatMap(({ run: done }) => auditLines(done));
    for (const line of lines) expect(line.actor, line.event).to.equal('cli');
    const [bo] = auditLines(runs[2]?.run ?? expect.fail()).map(({ target }) => target);
    const ofBo = lines
      .filter(({ target }) => target === bo)
      .map(({ event, diff }) => [event, diff]);
    expect(ofBo).to.deep.equal([
      ['admin.user_created', {}],
      ['admin.role_granted', { added: 'superuser' }],
      ['admin.role_granted', { added: 'editor' }],
      ['admin.role_revoked', { removed: 'editor' }],
      ['admin.user_disabled', { disabled: { from: false, to: true } }],
      ['admin.user_enabled', { disabled: { from: true, to: false } }],
      ['admin.user_deleted', { from: { disabled: false }, to: null }],
    ]);
  });

  it('shows neither a secret nor an address', () => {
    const text = runs.map(({ run: done }) => JSON.stringify(auditLines(done))).join();
    const secrets = runs.flatMap(({ run: { stdout } }) =>
      [...stdout.matchAll(/"client_secret": "([^"]+)"/g)].map(([, secret]) => secret),
    );
    expect(secrets).to.have.lengthOf(2);
    for (const hidden of [PASSWORD, '@', ...secrets]) expect(text).to.not.contain(hidden);
  });

  it('keeps standard output as it was, and JSON', () => {
    const json = runs.filter(({ line }) => line.endsWith('--json'));
    for (const { line, run: done } of json) {
      expect(() => JSON.parse(done.stdout) as unknown, line).to.not.throw();
    }
  });

  it('commands that only read leave nothing, in an installation that has warnings too', async () => {
    const settings = { PUBLIC_URL: 'https://id.example.com' };
    for (const line of READING) {
      if (line.endsWith('show')) continue;
      const done = await run(line, '', settings);
      expect(done.code, done.stderr).to.equal(0);
      expect(auditLines(done), line).to.deep.equal([]);
    }
  });

  it('migrations that are taken back and applied', async () => {
    const empty = await createTestDatabase();
    try {
      const settings = { DATABASE_URL: empty.url };
      const down = auditLines(await run('migrate down --json', '', settings));
      const up = auditLines(await run('migrate up --json', '', settings));
      expect(auditLines(await run('migrate up --json', '', settings))).to.deep.equal([]);
      expect(auditLines(await run('migrate status --json', '', settings))).to.deep.equal([]);
      const shown = [...down, ...up].map(({ event, actor }) => [event, actor]);
      expect(shown).to.deep.equal([
        ['database.reverted', 'cli'],
        ['database.migrated', 'cli'],
      ]);
    } finally {
      await empty.drop();
    }
  });

  it('LOG_LEVEL=warn leaves them out, as it does those of the server', async () => {
    const { stderr } = await run('role create quiet', '', { LOG_LEVEL: 'warn' });
    expect(stderr).to.equal('');
  });
});
