/** Everything that rows are measured on: stores and servers of our own, gone when the run ends. */
import { freePort } from '../../tests/support/free-port.ts';
import { startServices } from '../../tests/support/services.ts';
import type { BareKoaArguments } from '../baselines/bare-koa.ts';
import type { BareProviderArguments } from '../baselines/bare-provider.ts';
import { type BaselineProcess, startBaseline } from '../baselines/baseline-process.ts';
import type { RawWorkArguments } from '../baselines/raw-work.ts';
import { cookiesOf, createHttpClient, expectStatus, type HttpClient } from '../load/http-client.ts';
import type { Cores } from '../machine.ts';
import type { Options } from '../options.ts';
import { type OidcServer, REDIRECT_URI } from './oidc-server.ts';
import { type OurServer, type OurServerOptions, startOurServer } from './our-server.ts';

export interface Stage {
  readonly options: Options;
  readonly cores: Cores;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly ours: OurServer;
  /** What `ours` was started with. */
  readonly oursOptions: OurServerOptions;
  readonly provider: OidcServer;
  readonly koa: { readonly pid: number; readonly http: HttpClient };
  readonly raw: BaselineProcess;
  readonly audience: string;
}

export const DOCUMENTS = {
  jwks: '/.well-known/jwks.json',
  discovery: '/.well-known/openid-configuration',
} as const;

type Stop = () => Promise<void>;

async function startBareProvider(
  { redisUrl, cores, options }: Pick<Stage, 'redisUrl' | 'cores' | 'options'>,
  stops: Stop[],
): Promise<OidcServer> {
  const port = await freePort();
  const secret = 'a-secret-of-the-benchmark';
  const args: BareProviderArguments = { port, redisUrl, redirectUri: REDIRECT_URI, secret };
  const baseline = await startBaseline('bare-provider.ts', args);
  const http = createHttpClient(`http://127.0.0.1:${port}`, options.connections);
  stops.push(async () => {
    http.close();
    await baseline.stop();
  });
  await cores.pin(baseline.pid);
  return {
    pid: baseline.pid,
    http,
    web: { id: 'web', secret },
    machine: { id: 'machine', secret },
    async signIn(index) {
      const reply = await http.send({ path: `/session?sub=person-${index}` });
      return cookiesOf(expectStatus(reply, 204));
    },
  };
}

/** Koa that serves what our server serves, and trusts its keys. */
async function startBareKoa(
  { cores, options, ours }: Pick<Stage, 'cores' | 'options' | 'ours'>,
  trust: RawWorkArguments,
  stops: Stop[],
): Promise<Stage['koa']> {
  const port = await freePort();
  const documents = await Promise.all(
    Object.values(DOCUMENTS).map(async (path) => {
      const { headers, text } = expectStatus(await ours.http.send({ path }), 200);
      return [path, { type: headers['content-type'] ?? '', body: text }] as const;
    }),
  );
  const args: BareKoaArguments = { ...trust, port, documents: Object.fromEntries(documents) };
  const baseline = await startBaseline('bare-koa.ts', args);
  const http = createHttpClient(`http://127.0.0.1:${port}`, options.connections);
  stops.push(async () => {
    http.close();
    await baseline.stop();
  });
  await cores.pin(baseline.pid);
  return { pid: baseline.pid, http };
}

async function startAll(options: Options, cores: Cores, stops: Stop[]): Promise<Stage> {
  // Stores of our own always: those of DATABASE_URL may be somebody's.
  const { PATH = '', HOME = '' } = process.env;
  const services = await startServices({ PATH, HOME }, (line) => console.error(line));
  stops.push(services.stop);
  const { databaseUrl, redisUrl } = services;
  if (redisUrl === undefined) throw new Error('benchmarks need a Redis');
  const { connections, profile } = options;
  const oursOptions = { databaseUrl, redisUrl, cores, connections, profile };
  const ours = await startOurServer(oursOptions);
  stops.push(ours.stop);
  const audience = `${ours.issuer}/api`;
  const jwks = JSON.parse((await ours.http.send({ path: DOCUMENTS.jwks })).text) as never;
  const trust: RawWorkArguments = { issuer: ours.issuer, audience, jwks };
  const shared = { options, cores, databaseUrl, redisUrl, ours };
  const provider = await startBareProvider(shared, stops);
  const koa = await startBareKoa(shared, trust, stops);
  const raw = await startBaseline('raw-work.ts', trust);
  stops.push(raw.stop);
  await cores.pin(raw.pid);
  return { ...shared, oursOptions, provider, koa, raw, audience };
}

/** Runs `work` on a stage and stops all of it, also after a failure. */
export async function onStage(
  options: Options,
  cores: Cores,
  work: (stage: Stage) => Promise<void>,
): Promise<void> {
  const stops: Stop[] = [];
  try {
    await work(await startAll(options, cores, stops));
  } finally {
    for (const stop of stops.reverse()) await stop().catch((error) => console.error(error));
  }
}
