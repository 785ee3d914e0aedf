/** `authsrv start` as it is shipped, with two clients and some people. */
import path from 'node:path';
import { runCommand, startServerProcess } from '../../tests/support/server-process.ts';
import type { Step } from '../load/generate-load.ts';
import {
  type Call,
  cookiesOf,
  createHttpClient,
  expectStatus,
  type HttpClient,
  type Reply,
} from '../load/http-client.ts';
import type { Cores } from '../machine.ts';
import {
  type ClientCredentials,
  cookieHeader,
  type OidcServer,
  REDIRECT_URI,
} from './oidc-server.ts';

export interface OurServer extends OidcServer {
  readonly issuer: string;
  signIn(index: number): Promise<Map<string, string>>;
  stop(): Promise<void>;
}

export interface OurServerOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly cores: Cores;
  readonly connections: number;
  /** Where CPU profiles are written. */
  readonly profile: string | undefined;
}

/** Rate limits are on, and spent by every call, but never used up. */
const LIMITS = Object.fromEntries(
  ['READ', 'WRITE', 'SIGN_IN', 'REGISTER', 'OIDC', 'CLIENT', 'OTHER', 'ACCOUNT'].map((name) => [
    `RATE_LIMIT_${name}`,
    '1000000/1000000',
  ]),
);

export const PASSWORD = 'seven quiet herons fly';

const emailOf = (index: number): string => `person-${index}@example.com`;

const jsonCall = (target: string, body: object): Call => ({
  method: 'POST',
  path: target,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const settingsOf = ({ profile }: OurServerOptions): Record<string, string> => ({
  NODE_ENV: 'production',
  RATE_LIMIT: 'on',
  ...LIMITS,
  HASH_QUEUE: '64',
  MIGRATE_ON_START: 'true',
  PLUGINS: path.join(import.meta.dirname, '../plugins/whoami.ts'),
  ...(profile && {
    NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${path.resolve(profile)}`,
  }),
});

async function registerClient(
  options: OurServerOptions,
  args: readonly string[],
): Promise<ClientCredentials> {
  const { databaseUrl: DATABASE_URL, redisUrl: REDIS_URL } = options;
  const text = await runCommand(['client', 'create', '--json', ...args], {
    DATABASE_URL,
    REDIS_URL,
    NODE_ENV: 'production',
  });
  const { client_id: id, client_secret: secret } = JSON.parse(text) as Record<string, string>;
  return { id: id ?? '', secret: secret ?? '' };
}

/** The people whom the workers are. */
export async function registerPeople(http: HttpClient, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const person = { email: emailOf(index), password: PASSWORD, name: 'A Person' };
      expectStatus(await http.send(jsonCall('/auth/register', person)), 201);
    }),
  );
}

export const logIn = async (http: HttpClient, index: number): Promise<Reply> =>
  expectStatus(
    await http.send(jsonCall('/auth/login', { email: emailOf(index), password: PASSWORD })),
    200,
  );

/** A first server: it migrates the database and has clients and people. */
export async function startOurServer(options: OurServerOptions): Promise<OurServer> {
  const { databaseUrl, redisUrl, cores, connections } = options;
  const settings = settingsOf(options);
  const server = await startServerProcess({ databaseUrl, redisUrl, settings });
  await cores.pin(server.pid);
  const http = createHttpClient(server.socket, connections);
  const [web, machine] = await Promise.all([
    registerClient(options, [
      ...['--name', 'Web', '--redirect-uri', REDIRECT_URI],
      ...['--first-party', '--id-token-alg', 'ES256'],
    ]),
    registerClient(options, ['--name', 'Machine', '--grant', 'client_credentials']),
    registerPeople(http, connections),
  ]);
  return {
    pid: server.pid,
    issuer: server.issuer,
    http,
    web,
    machine,
    signIn: async (index) => cookiesOf(await logIn(http, index)),
    async stop() {
      http.close();
      await server.stop();
    },
  };
}

/** One more server of the same service, on a core of its own. */
export async function startSibling(
  options: OurServerOptions,
  first: OurServer,
): Promise<OurServer> {
  const { databaseUrl, redisUrl, cores, connections } = options;
  const settings = settingsOf(options);
  const server = await startServerProcess({
    issuer: first.issuer,
    databaseUrl,
    redisUrl,
    settings,
  });
  await cores.pin(server.pid, 1);
  const http = createHttpClient(server.socket, connections);
  return {
    ...first,
    pid: server.pid,
    http,
    signIn: async (index) => cookiesOf(await logIn(http, index)),
    async stop() {
      http.close();
      await server.stop();
    },
  };
}

export const loginWorkers = ({ http }: OurServer, count: number): Step[] =>
  Array.from({ length: count }, (_, index) => async () => void (await logIn(http, index)));

/** `POST /auth/refresh` with the cookies of a browser, which keeps those it gets. */
export const cookieRefreshWorkers = (server: OurServer, count: number): Promise<Step[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Step> => {
      const cookies = await server.signIn(index);
      return async () => {
        const reply = await server.http.send({
          method: 'POST',
          path: '/auth/refresh',
          headers: { cookie: cookieHeader(cookies), origin: server.issuer },
        });
        for (const [name, value] of cookiesOf(expectStatus(reply, 200))) cookies.set(name, value);
      };
    }),
  );
