/** The server and both examples, joined: everything that `npm run demo` starts. */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { AUTHSRV, type CommandLine, createCommandLine } from './command-line.ts';
import type { Ports } from './place.ts';
import { type RunningProcess, startProcess } from './processes.ts';

export interface DemoOptions {
  readonly ports: Ports;
  /** The environment of all processes; DATA_DIR in it is where the server keeps its data. */
  readonly env: NodeJS.ProcessEnv;
  readonly onLine?: (line: string) => void;
}

export interface Demo {
  readonly issuer: string;
  readonly relyingParty: string;
  readonly api: string;
  readonly cli: CommandLine;
  readonly superuser: { readonly email: string; readonly password: string | undefined };
  readonly client: { readonly id: string; readonly secret: string };
  /** Another async-api, whose clock is `offset` seconds ahead. Resolves with its URL. */
  startLateApi(offset: number): Promise<string>;
  /** Resolves when one of the processes has ended by itself, with its name and what it said last. */
  readonly failed: Promise<string>;
  /** Stops all of them, the server last. */
  stop(): Promise<void>;
}

export const ROLE = 'reports';
const SUPERUSER = 'admin@example.com';

const fileOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Throws an Error that says what failed; nothing keeps running then. */
export async function startDemo({ ports, env, onLine }: DemoOptions): Promise<Demo> {
  const urls = {
    issuer: `http://localhost:${ports.server}`,
    relyingParty: `http://127.0.0.1:${ports.relyingParty}`,
    api: `http://127.0.0.1:${ports.api}`,
  };
  const running: RunningProcess[] = [];
  const start = (name: string, args: readonly string[], own: NodeJS.ProcessEnv) => {
    const tell = onLine && ((line: string): void => onLine(`${name}: ${line}`));
    const options = { name, args, env: { ...env, ...own }, ...(tell && { onLine: tell }) };
    const started = startProcess(options);
    running.push(started);
    return started;
  };
  const stop = async (): Promise<void> => {
    for (const one of running.reverse()) await one.stop();
  };
  const startApi = async (name: string, port: number, clockOffset: number): Promise<string> => {
    const url = `http://127.0.0.1:${port}`;
    await start(name, [fileOf('async-api/index.ts')], {
      PORT: String(port),
      BASE_URL: url,
      ISSUER: urls.issuer,
      AUDIENCE: urls.api,
      ADMIN_ROLE: ROLE,
      CLOCK_OFFSET: String(clockOffset),
    }).answers(`${url}/public`);
    return url;
  };
  const serverEnv = serverSettings(urls, ports.server, env);
  try {
    await start('auth-service', [AUTHSRV, 'start'], serverEnv).answers(
      `${urls.issuer}/health/ready`,
    );
    const cli = createCommandLine({ ...env, ...serverEnv });
    const superuser = await createSuperuser(cli);
    const client = await createClient(cli, urls.relyingParty);
    await createRole(cli);
    await startApi('async-api', ports.api, 0);
    await start('relying-party', [fileOf('relying-party/index.ts')], {
      PORT: String(ports.relyingParty),
      BASE_URL: urls.relyingParty,
      ISSUER: urls.issuer,
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      ID_TOKEN_ALG: 'ES256',
      API_URL: urls.api,
    }).answers(`${urls.relyingParty}/`);
    return {
      ...urls,
      cli,
      superuser,
      client,
      startLateApi: (offset) => startApi('late-api', ports.lateApi, offset),
      failed: Promise.race(running.map(async ({ name, ended }) => `${name}: ${await ended}`)),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The audience is the API's own URL, as RFC 9728 wants it. */
const serverSettings = (
  { issuer, api }: Pick<Demo, 'issuer' | 'api'>,
  port: number,
  env: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv => ({
  PORT: String(port),
  HOST: '127.0.0.1',
  PUBLIC_URL: issuer,
  API_AUDIENCE: api,
  PLUGINS: fileOf('plugin-hello/index.ts'),
  MIGRATE_ON_START: 'true',
  LOG_LEVEL: env['LOG_LEVEL'] || 'warn',
});

/** One who exists already (with DATABASE_URL) keeps the password. */
async function createSuperuser(cli: CommandLine): Promise<Demo['superuser']> {
  const password = randomBytes(18).toString('base64url');
  const args = ['create-superuser', SUPERUSER, '--password-stdin', '--json'];
  const { created } = JSON.parse(await cli(args, password)) as { created: boolean };
  return { email: SUPERUSER, password: created ? password : undefined };
}

/** Not one of ours, so that the consent page is seen. */
async function createClient(cli: CommandLine, baseUrl: string): Promise<Demo['client']> {
  const output = await cli([
    ...['client', 'create', '--json', '--name', 'Example app'],
    ...['--redirect-uri', `${baseUrl}/callback`],
    ...['--post-logout-redirect-uri', `${baseUrl}/signed-out`],
    ...['--backchannel-logout-uri', `${baseUrl}/backchannel-logout`],
    ...['--id-token-alg', 'ES256'],
  ]);
  const client = JSON.parse(output) as { client_id: string; client_secret: string };
  return { id: client.client_id, secret: client.client_secret };
}

async function createRole(cli: CommandLine): Promise<void> {
  const roles = JSON.parse(await cli(['role', 'list', '--json'])) as readonly { name: string }[];
  if (roles.some(({ name }) => name === ROLE)) return;
  await cli(['role', 'create', ROLE, 'May read the reports of async-api', '--json']);
}
