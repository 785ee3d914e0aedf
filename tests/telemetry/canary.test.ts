/** SEC-94 against a real process: secrets in every field, then a search of everything that it wrote. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { OAuth2Server } from 'oauth2-mock-server';
import { authsrv } from '../support/authsrv.ts';
import { type Collector, startCollector } from '../support/collector.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { makeScratchFolder } from '../support/scratch-folder.ts';
import { SECRET_KEY, type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { redisUrl } from '../support/service-urls.ts';
import { startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts';
import { Canaries, type Sinks } from './canary.ts';
import {
  addressOf,
  REDIRECT_URI,
  type Walk,
  walkCodeFlow,
  walkOidcRefusals,
  walkRefusals,
  walkRest,
} from './canary-flows.ts';

const PLUGIN = path.join(import.meta.dirname, 'plugins/leaky.ts');

describe('SEC-94: canaries', function () {
  this.timeout(120_000);
  const canaries = new Canaries();
  let database: TestDatabase;
  let collector: Collector;
  let smtp: TestSmtpServer;
  let upstream: OAuth2Server;
  let server: ServerProcess;
  let walk: Walk;
  let settings: Record<string, string>;
  /** What commands wrote to standard error. */
  let noted = '';

  const upstreamIssuer = () => `http://127.0.0.1:${upstream.address().port}`;

  before(async () => {
    [database, collector, smtp] = await Promise.all([
      createTestDatabase(),
      startCollector(),
      startSmtpServer(),
    ]);
    upstream = await startLeakyUpstream(canaries);
    settings = {
      ...{ LOG_LEVEL: 'trace', PLUGINS: PLUGIN, FEDERATION_STORE_TOKENS: 'on' },
      ...secretSettings(),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      SENTRY_DSN: collector.dsn,
    };
    server = await startServerProcess({
      databaseUrl: settings['DATABASE_URL'] ?? '',
      redisUrl: redisUrl(),
      settings,
    });
    walk = await prepareWalk();
  });
  after(async () => {
    await server?.stop();
    await upstream?.stop();
    await smtp?.close();
    await collector?.close();
    await database?.drop();
  });

  /** Settings that are secrets themselves. PostgreSQL trusts this machine, so any password will do. */
  function secretSettings(): Record<string, string> {
    const databaseUrl = database.url.replace(
      /\/\/([^@:/]+)@/,
      `//$1:${canaries.plant('password of DATABASE_URL')}@`,
    );
    canaries.add('SECRET_KEY', SECRET_KEY);
    canaries.add('password of SMTP_URL', decodeURIComponent(new URL(smtp.url).password));
    const mock = {
      ...{ id: 'mock', name: 'Mock', issuer: upstreamIssuer(), client_id: 'our-client' },
      client_secret: canaries.plant('client secret at a provider'),
    };
    return {
      DATABASE_URL: databaseUrl,
      SMTP_URL: smtp.url,
      MAIL_FROM: 'no-reply@auth.example.com',
      PASSWORD_PEPPER: canaries.plant('PASSWORD_PEPPER'),
      GITHUB_CLIENT_ID: 'our-client',
      GITHUB_CLIENT_SECRET: canaries.plant('GITHUB_CLIENT_SECRET'),
      OIDC_PROVIDERS: JSON.stringify([mock]),
    };
  }

  const command = async (args: readonly string[], stdin?: string): Promise<string> => {
    const redis = redisUrl();
    const env = {
      ...{ ...settings, SECRET_KEY, PUBLIC_URL: server.issuer },
      ...(redis === undefined ? {} : { REDIS_URL: redis }),
    };
    const run = await authsrv(args, { env, ...(stdin === undefined ? {} : { stdin }) });
    noted += run.stderr;
    return run.stdout;
  };

  /** A client, and a superuser, made on the command line. */
  async function prepareWalk(): Promise<Walk> {
    const made = await command([
      ...['client', 'create', '--name', 'Test App', '--redirect-uri', REDIRECT_URI, '--json'],
    ]);
    const client = JSON.parse(made) as { client_id: string; client_secret: string };
    canaries.add('client secret', client.client_secret);
    const password = canaries.plant('password of a superuser');
    const email = addressOf(canaries, 'a superuser');
    await command(['create-superuser', email, '--password-stdin'], password);
    return {
      canaries,
      browser: server.browser,
      issuer: server.issuer,
      clientId: client.client_id,
      clientSecret: client.client_secret,
    };
  }

  async function sinks(): Promise<Sinks> {
    const { text } = await server.browser().request(`${server.socket}/metrics`);
    return {
      log: server.output.join('\n'),
      collected: collector.bodies.join('\n'),
      metrics: text,
      commands: noted,
    };
  }

  const event = (name: string) => server.output.filter((line) => line.includes(`"${name}"`));

  it('walks REST, refusals and OIDC', async () => {
    const person = await walkRest(walk);
    expect(person.statuses).to.deep.equal([
      ...[201, 409, 400, 401, 200, 200, 401, 204, 204, 202, 202, 500],
    ]);
    await walkRefusals(walk);
    await walkOidcRefusals(walk);
    expect(await walkCodeFlow(walk, person)).to.equal(200);
    await eventually(() => expect(collector.reports).to.have.length.greaterThan(0));
    expect(JSON.stringify(collector.reports)).to.include('TypeError');
    expect(event('request.failed')).to.have.lengthOf(1);
    expect(event('request.ended').length).to.be.greaterThan(60);
  });

  it('walks mail: sent, refused with a quotation, links used', async () => {
    const agent = server.browser();
    const email = addressOf(canaries, 'somebody who forgets');
    const password = canaries.plant('password that is forgotten');
    await agent.request('/auth/register', { json: { email, password } });
    await agent.request('/auth/password/forgot', { json: { email } });
    const isReset = (text = '') => /\/l\/([\w-]{32})/.exec(text)?.[1];
    const codes = () =>
      smtp.mails
        .filter(({ to }) => JSON.stringify(to).includes(email))
        .map(({ text }) => isReset(text));
    await eventually(() => expect(codes().filter(Boolean)).not.to.have.lengthOf(0), 15_000);
    for (const code of codes()) {
      canaries.add('code of a mailed link', code);
      const page = await agent.open(`/l/${code}`);
      if (page.text.includes('new_password')) {
        const next = canaries.plant('password set by a link');
        await agent.submit(page, { new_password: next, new_password_again: next });
      }
      await agent.request('/auth/password/reset', {
        json: { token: code, new_password: canaries.plant('password set by REST') },
      });
    }
    smtp.mode = 'reject';
    smtp.says = `no such user: ${email}, sent by ${canaries.plant('words of an SMTP server')}`;
    await agent.request('/auth/password/forgot', { json: { email } });
    await eventually(() => expect(event('mail.refused')).not.to.have.lengthOf(0), 15_000);
    smtp.mode = 'accept';
  });

  it('walks federation: callbacks, tokens of a provider, its errors', async () => {
    const agent = server.browser();
    const secret = (where: string) => canaries.plant(where);
    const forged = { code: secret('code of a forged callback'), state: secret('its state') };
    await agent.open(`/oauth2/mock/callback?${new URLSearchParams(forged)}`);
    const start = await agent.request('/oauth2/mock/authorize');
    const leave = start.location ?? new URL('http://none');
    for (const name of ['state', 'nonce', 'code_challenge']) {
      canaries.add(`${name} for a provider`, leave.searchParams.get(name));
    }
    const back = await fetch(leave, { redirect: 'manual' });
    const callback = new URL(back.headers.get('location') ?? 'http://none');
    canaries.add('code of a provider', callback.searchParams.get('code'));
    await agent.open(callback.href);
    expect((await agent.request('/auth/me')).status).to.equal(200);
    const refused = await agent.request('/oauth2/mock/authorize');
    const error = {
      ...{ error: 'server_error', error_description: secret('error_description of a provider') },
      state: refused.location?.searchParams.get('state') ?? '',
    };
    await agent.open(`/oauth2/mock/callback?${new URLSearchParams(error)}`);
    upstream.service.once('beforeResponse', (answer: { statusCode: number; body: unknown }) => {
      answer.statusCode = 400;
      answer.body = { error: 'invalid_grant', error_description: secret('error at its endpoint') };
    });
    const third = await agent.request('/oauth2/mock/authorize');
    const redirect = await fetch(third.location ?? '', { redirect: 'manual' });
    await agent.open(redirect.headers.get('location') ?? '');
    await eventually(() => expect(event('upstream.failed')).not.to.have.lengthOf(0));
  });

  it('none of them is in the log, the traces, the metrics or the reports; no address either', async () => {
    await eventually(() =>
      expect(collector.spans.map(({ name }) => name)).to.include('POST /oidc/token'),
    );
    expect(canaries.size).to.be.greaterThan(100);
    expect(canaries.leaks(await sinks())).to.deep.equal([]);
  });

  it('nor in what a start says that fails', async () => {
    const folder = await makeScratchFolder('canary-');
    const file = path.join(folder, 'key');
    await writeFile(file, `short-${canaries.plant('SECRET_KEY that is too short')}`.slice(0, 20));
    const password = canaries.plant('password of a DATABASE_URL that is wrong');
    const wrong = [
      { DATABASE_URL: `postgres://auth:${password}@127.0.0.1:1/auth?sslmode=${password}` },
      { DATABASE_URL: `mysql://auth:${canaries.plant('URL of another kind')}@127.0.0.1/auth` },
      { REDIS_URL: `redis://:${canaries.plant('REDIS_URL')}@127.0.0.1:1`, DATABASE_URL: 'x' },
      { SMTP_URL: `gopher://a:${canaries.plant('SMTP_URL')}@b`, METRICS_TOKEN: 'short' },
      { SECRET_KEY_FILE: file, OIDC_PROVIDERS: `[{"client_secret":"${canaries.plant('JSON')}"` },
    ];
    for (const env of wrong) {
      const run = await authsrv(['config', '--json'], { env });
      noted += run.stdout + run.stderr;
    }
    const { stdout, stderr } = await authsrv(['user', 'list'], { env: wrong[0] ?? {} });
    noted += stdout + stderr;
    expect(canaries.leaks({ commands: noted })).to.deep.equal([]);
  });

  it('a leak would be found: the same search, with one in every place', async () => {
    const planted = new Canaries();
    const agent = server.browser();
    const password = planted.plant('a planted leak');
    expect((await agent.request('/leaky/leak', { json: { password } })).status).to.equal(204);
    await eventually(async () => {
      const { log, metrics, collected } = await sinks();
      expect(planted.leaks({ log: log ?? '', metrics: metrics ?? '' })).to.have.lengthOf(2);
      const [traces, reports] = ['resourceSpans', '"exception"'].map((mark) =>
        (collector.bodies.filter((body) => body.includes(mark)) ?? [collected]).join(),
      );
      const found = planted.leaks({ traces: traces ?? '', reports: reports ?? '' });
      expect(found).to.deep.equal(['traces: a planted leak', 'reports: a planted leak']);
    });
    const encoded = { log: Buffer.from(`user:${password}`).toString('base64') };
    expect(planted.leaks(encoded)).to.have.lengthOf(1);
  });
});

/** A provider that admits everybody, with tokens that are canaries. */
async function startLeakyUpstream(canaries: Canaries): Promise<OAuth2Server> {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  server.issuer.url = `http://127.0.0.1:${server.address().port}`;
  const email = addressOf(canaries, 'somebody of a provider');
  server.service.on('beforeTokenSigning', ({ payload }: { payload: Record<string, unknown> }) => {
    Object.assign(payload, { aud: 'our-client', sub: 'upstream-1', email, email_verified: true });
  });
  server.service.on('beforeResponse', ({ body }: { body: Record<string, unknown> }) => {
    body['access_token'] = canaries.plant('access token of a provider');
    body['refresh_token'] = canaries.plant('refresh token of a provider');
    canaries.add('ID token of a provider', String(body['id_token']).split('.').at(-1));
  });
  return server;
}
