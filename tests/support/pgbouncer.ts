/** A real PgBouncer before a PostgreSQL, with its defaults but for what a test says. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { parseDatabaseUrl } from '../../src/storage/database-url.ts';
import { eventually } from './eventually.ts';
import { findProgram, thisMachine } from './find-program.ts';
import { freePort } from './free-port.ts';
import { makeScratchFolder } from './scratch-folder.ts';

export interface PgBouncer {
  /** `database` of the PostgreSQL behind it. */
  url(database: string): string;
  stop(): Promise<void>;
}

/** Undefined where none can be had. */
export const findPgBouncer = (): Promise<string | undefined> =>
  findProgram(
    { names: ['pgbouncer'], suites: 'poolers before PostgreSQL' },
    thisMachine('pgbouncer'),
  );

/** `server`: URL of the PostgreSQL. Resolves when it lets somebody in. */
export async function startPgBouncer(
  program: string,
  server: string,
  settings: Readonly<Record<string, string>>,
): Promise<PgBouncer> {
  const { config } = parseDatabaseUrl(server);
  const { host = '', port = 0, user = '', password = '' } = config;
  const folder = await makeScratchFolder('pgbouncer-');
  const listening = await freePort();
  const users = path.join(folder, 'users.txt');
  await writeFile(users, `"${user}" "${String(password)}"\n`);
  const lines = Object.entries({
    listen_addr: '127.0.0.1',
    listen_port: String(listening),
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: users,
    ...settings,
  }).map(([name, value]) => `${name} = ${value}`);
  const file = path.join(folder, 'pgbouncer.ini');
  const databases = `[databases]\n* = host=${host} port=${port}`;
  await writeFile(file, `${databases}\n[pgbouncer]\n${lines.join('\n')}\n`);
  for (const one of [users, file]) await chmod(one, 0o644);
  // It refuses to run as root.
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn(program, [...asNobody, file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const output: string[] = [];
  child.stderr.on('data', (bytes: Buffer) => output.push(bytes.toString()));
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  const url = (database: string) =>
    `postgres://${encodeURIComponent(user)}@127.0.0.1:${listening}/${database}`;
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`PgBouncer ended:\n${output.join('')}`);
    const client = new Client({ connectionString: url('postgres') });
    await client.connect();
    await client.end();
  }, 10_000);
  return {
    url,
    async stop() {
      process.off('exit', onExit);
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
