/** The server and both examples, joined: everything that `npm run demo` starts. */
import { fileURLToPath } from 'node:url';
import { AUTHSRV, type CommandLine, createCommandLine } from './command-line.ts';
import type { Ports } from './place.ts';
import { createProcesses, type OnLine, type Processes } from './processes.ts';
import {
  API_SCOPE,
  type ClientCredentials,
  createApiClient,
  createClient,
  createRole,
  createSuperuser,
  ROLE,
} from './registrations.ts';

export interface DemoOptions {
  readonly ports: Ports;
  /** The server's environment; DATA_DIR in it is where it keeps its data. */
  readonly env: NodeJS.ProcessEnv;
  /** An empty folder to run in, so that no `.env` of this machine is read. */
  readonly cwd: string;
  readonly onLine: OnLine;
}

export interface Demo {
  readonly urls: Urls;
  readonly cli: CommandLine;
  readonly superuser: { readonly email: string; readonly password: string };
  readonly clientId: string;
  /** Another async-api, whose clock is `offset` seconds ahead. Resolves with its URL. */
  startLateApi(offset: number): Promise<string>;
  /** Resolves when one of the processes has ended by itself, with its name and what it said last. */
  readonly failed: Promise<string>;
  /** Stops all of them, the server last. */
  stop(): Promise<void>;
}

export interface Urls {
  readonly issuer: string;
  readonly relyingParty: string;
  readonly api: string;
}

const fileOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Throws an Error that says what failed; nothing keeps running then. */
export async function startDemo({ ports, env, cwd, onLine }: DemoOptions): Promise<Demo> {
  const urls = {
    // Cookies know no ports: another host name keeps those of the server and the application apart.
    issuer: `http://localhost:${ports.server}`,
    relyingParty: `http://127.0.0.1:${ports.relyingParty}`,
    api: `http://127.0.0.1:${ports.api}`,
  };
  const serverEnv = { ...env, ...serverSettings(urls, ports.server, env) };
  const processes = createProcesses({ cwd, onLine });
  const cli = createCommandLine(serverEnv, cwd);
  try {
    const server = processes.start('auth-service', [AUTHSRV, 'start'], serverEnv);
    await server.answers(`${urls.issuer}/health/ready`);
    const startApi = createApiStarter(processes, urls, await createApiClient(cli));
    const api = startApi({ name: 'async-api', port: ports.api, clockOffset: 0 });
    const superuser = createSuperuser(cli);
    const clientId = startRelyingParty(processes, urls, ports.relyingParty, cli);
    await everything([api, superuser, clientId, createRole(cli)]);
    return {
      urls,
      cli,
      superuser: await superuser,
      clientId: await clientId,
      startLateApi: (clockOffset) =>
        startApi({ name: 'late-api', port: ports.lateApi, clockOffset }),
      failed: processes.oneEnded(),
      stop: processes.stop,
    };
  } catch (error) {
    await processes.stop();
    throw error;
  }
}

/** As `Promise.all`, but a failure waits for the others: what is still starting could not be stopped. */
async function everything(promises: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(promises);
  await Promise.all(promises);
}

/** The audience is the API's own URL, as RFC 9728 wants it. Its scope comes with REST logins: their front end is ours. */
const serverSettings = (urls: Urls, port: number, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  PORT: String(port),
  HOST: '127.0.0.1',
  PUBLIC_URL: urls.issuer,
  API_AUDIENCE: urls.api,
  API_TITLE: 'Reports API',
  API_SCOPES: API_SCOPE,
  PLUGINS: fileOf('plugin-hello/index.ts'),
  MIGRATE_ON_START: 'true',
  LOG_LEVEL: env['LOG_LEVEL'] || 'warn',
});

interface ApiOptions {
  readonly name: string;
  readonly port: number;
  readonly clockOffset: number;
}

type StartApi = (options: ApiOptions) => Promise<string>;

const createApiStarter =
  (processes: Processes, urls: Urls, client: ClientCredentials): StartApi =>
  async ({ name, port, clockOffset }) => {
    const url = `http://127.0.0.1:${port}`;
    const api = processes.start(name, [fileOf('async-api/index.ts')], {
      PORT: String(port),
      BASE_URL: url,
      ISSUER: urls.issuer,
      AUDIENCE: urls.api,
      CLIENT_ID: client.id,
      CLIENT_SECRET: client.secret,
      SCOPE: API_SCOPE,
      ADMIN_ROLE: ROLE,
      CLOCK_OFFSET: String(clockOffset),
    });
    await api.answers(`${url}/public`);
    return url;
  };

/** Resolves with its client id. */
async function startRelyingParty(
  processes: Processes,
  urls: Urls,
  port: number,
  cli: CommandLine,
): Promise<string> {
  const client = await createClient(cli, urls.relyingParty);
  const relyingParty = processes.start('relying-party', [fileOf('relying-party/index.ts')], {
    PORT: String(port),
    BASE_URL: urls.relyingParty,
    ISSUER: urls.issuer,
    CLIENT_ID: client.id,
    CLIENT_SECRET: client.secret,
    ID_TOKEN_ALG: 'ES256',
    API_URL: urls.api,
  });
  await relyingParty.answers(`${urls.relyingParty}/`);
  return client.id;
}
