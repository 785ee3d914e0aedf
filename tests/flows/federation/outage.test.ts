import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createRecordingLog } from '../../support/log.ts';
import { createUser, login } from '../../support/people.ts';
import { createRelyingParty } from '../../support/relying-party.ts';
import { startTestApp, type TestApp } from '../../support/test-app.ts';
import { mockSettings, startMockStage } from './mock-provider.ts';
import {
  authorizePath,
  createVerifiedUser,
  isCallback,
  me,
  newPerson,
  signInWith,
  startStage,
  walkTo,
} from './stage.ts';

async function listen(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const close = (server: Server): void => {
  server.closeAllConnections();
  server.close();
};

/** Milliseconds that it took. */
async function timed<Result>(work: () => Promise<Result>): Promise<[Result, number]> {
  const begin = performance.now();
  const result = await work();
  return [result, performance.now() - begin];
}

describe('SEC-75 a provider that fails', () => {
  describe('and local sign-in', () => {
    const answers: Record<string, { listener: RequestListener; status: number }> = {
      'never answers': { listener: () => undefined, status: 504 },
      'begins to answer and never ends': {
        listener: (_req, res) =>
          void res.writeHead(200, { 'content-type': 'application/json' }).write('{"issuer":'),
        status: 504,
      },
      'answers 500': { listener: (_req, res) => void res.writeHead(500).end(), status: 502 },
      'answers HTML': {
        listener: (_req, res) =>
          void res.writeHead(200, { 'content-type': 'text/html' }).end('<p>maintenance'),
        status: 502,
      },
      'answers with another issuer': {
        listener: (_req, res) =>
          void res
            .writeHead(200, { 'content-type': 'application/json' })
            .end('{"issuer":"https://evil.example"}'),
        status: 502,
      },
      'answers without end': {
        listener: (_req, res) => {
          res.writeHead(200, { 'content-type': 'application/json' });
          const more = (): void => {
            while (!res.destroyed && res.write(' '.repeat(65_536)));
          };
          res.on('drain', more);
          more();
        },
        status: 502,
      },
      'leads elsewhere': {
        listener: (_req, res) =>
          void res.writeHead(302, { location: 'http://127.0.0.1:9/secret' }).end(),
        status: 502,
      },
    };

    for (const [what, { listener, status }] of Object.entries(answers)) {
      it(`${what}: ${status} within 5 s, and nobody else waits`, async () => {
        const { server, url } = await listen(listener);
        const app = await startTestApp({ settings: { OIDC_PROVIDERS: mockSettings(url) } });
        try {
          const user = await createUser(app);
          const browser = app.browser();
          const failing = timed(() => browser.request(authorizePath('mock')));
          expect((await login(app.browser(), user)).status).to.equal(200);
          const [answer, took] = await failing;
          expect(answer.status).to.equal(status);
          expect(took).to.be.below(5000);
          expect(answer.text)
            .to.include('<h1')
            .and.not.match(/\.ts:|node_modules|ECONN|fetch/);
          expect((await app.browser().request('/health/ready')).status).to.equal(200);
        } finally {
          close(server);
          await app.close();
        }
      });
    }

    it('is not there: the start needs no provider, and the sign-in page says what happened', async () => {
      const app = await startTestApp({
        settings: {
          GOOGLE_CLIENT_ID: 'x',
          GOOGLE_CLIENT_SECRET: 'y',
          GOOGLE_ISSUER: 'http://127.0.0.1:9',
        },
      });
      try {
        const browser = app.browser();
        const direct = await browser.request(authorizePath('google'));
        expect(direct.status).to.equal(502);
        expect(direct.text).to.include('cannot be reached');
        const rp = await createRelyingParty(app);
        const page = await rp.authorize(browser);
        const [, href = ''] = /href="([^"]*\/federation\?provider=google)"/.exec(page.text) ?? [];
        const back = await browser.open(new URL(href, page.url).href);
        expect(back.status).to.equal(502);
        expect(back.text).to.include('cannot be reached').and.include('name="password"');
        const user = await createUser(app);
        const done = await browser.submit(back, {
          email: user.email,
          password: 'seven quiet herons fly',
        });
        expect(done.location?.searchParams.get('code')).to.be.a('string');
      } finally {
        await app.close();
      }
    });
  });

  describe('between leaving and coming back', () => {
    const failAtCallback = async (
      path: string,
      listener: RequestListener,
    ): Promise<[Awaited<ReturnType<ReturnType<TestApp['browser']>['request']>>, number]> => {
      const stage = await startMockStage();
      // Everything but one endpoint works: what the provider's metadata say of it leads to the listener.
      const { server, url } = await listen(listener);
      stage.server.service.on('beforeWellKnownOpenIdConfiguration', ({ body }) => {
        (body as Record<string, unknown>)[path] = `${url}/${path}`;
      });
      try {
        const browser = stage.app.browser();
        const begun = await browser.request(authorizePath('mock'));
        const back = await walkTo(browser, begun, isCallback);
        const result = await timed(() => browser.request(back.href));
        expect(await me(browser)).to.equal(undefined);
        return result;
      } finally {
        close(server);
        await stage.close();
      }
    };

    for (const [what, listener, status] of [
      ['never answers', () => undefined, 504],
      ['answers no keys', (_req: unknown, res: { end(t: string): void }) => res.end('{}'), 502],
      [
        'answers broken keys',
        (_req: unknown, res: { end(t: string): void }) =>
          res.end('{"keys":[{"kty":"RSA","n":"x"}]}'),
        502,
      ],
    ] as [string, RequestListener, number][]) {
      it(`JWKS: ${what}: ${status} within 5 s`, async () => {
        const [answer, took] = await failAtCallback('jwks_uri', listener);
        expect(answer.status).to.equal(status);
        expect(took).to.be.below(5000);
      });
    }

    it('the token endpoint never answers: 504 within 5 s', async () => {
      const [answer, took] = await failAtCallback('token_endpoint', () => undefined);
      expect(answer.status).to.equal(504);
      expect(answer.text).to.include('does not answer');
      expect(took).to.be.below(5000);
    });
  });

  it('discovery is lazy, is not asked for again, and is tried again after a failure', async () => {
    let calls = 0;
    let works = false;
    const { server, url } = await listen((_req, res) => {
      calls += 1;
      if (!works) return void res.writeHead(503).end();
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(
        JSON.stringify({
          issuer: url,
          authorization_endpoint: `${url}/authorize`,
          token_endpoint: `${url}/token`,
          jwks_uri: `${url}/jwks`,
        }),
      );
    });
    const app = await startTestApp({ settings: { OIDC_PROVIDERS: mockSettings(url) } });
    try {
      expect(calls).to.equal(0);
      const begin = () => app.browser().request(authorizePath('mock'));
      expect((await begin()).status).to.equal(502);
      works = true;
      const parallel = await Promise.all([begin(), begin(), begin()]);
      for (const answer of parallel) expect(answer.status).to.equal(303);
      expect((await begin()).status).to.equal(303);
      expect(calls).to.equal(2);
    } finally {
      close(server);
      await app.close();
    }
  });

  it('a start says when FEDERATION_DISABLED names no provider: a slip would leave one on', async () => {
    const log = createRecordingLog();
    const settings = { GITHUB_CLIENT_ID: 'x', GITHUB_CLIENT_SECRET: 'y' };
    const app = await startTestApp({
      log,
      settings: { ...settings, FEDERATION_DISABLED: 'gihtub,github' },
    });
    await app.close();
    const told = log.entries.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
    expect(told).to.deep.include({ event: 'federation.unknown_provider', provider: 'gihtub' });
    expect(told).to.not.deep.include({ event: 'federation.unknown_provider', provider: 'github' });
  });

  it('SEC-75 CVE-2026-1486 CVE-2025-64717 a provider that was switched off is refused to who is on their way', async () => {
    const stage = await startStage();
    const { app, google } = stage;
    const off = await startTestApp({
      ...app.options,
      database: app.database,
      path: '',
      origin: app.issuer,
      settings: { ...app.options.settings, FEDERATION_DISABLED: 'google' },
    });
    try {
      newPerson(google);
      newPerson(stage.acme);
      const browser = app.browser();
      const known = app.browser();
      const at = async (url: URL, jar: typeof browser) =>
        off.browser().request(url.href, {
          headers: { cookie: await jar.jar.getCookieString(url.href), accept: 'text/html' },
        });
      const back = await walkTo(known, await known.request(authorizePath('google')), isCallback);
      const refused = await at(back, known);
      expect(refused.status).to.equal(404);
      expect(refused.text).to.include('not available');
      expect(refused.setCookies).to.deep.equal([]);

      // Already proven, but not yet finished, inside an authorization request.
      const rp = await createRelyingParty(app);
      const page = await rp.authorize(known);
      const [, href = ''] = /href="([^"]*\/federation\?provider=google)"/.exec(page.text) ?? [];
      const begun = await known.request(new URL(href, page.url).href);
      const finish = await walkTo(known, begun, ({ pathname }) => pathname.endsWith('/federated'));
      const late = await at(finish, known);
      expect(late.status).to.equal(404);
      expect(late.text).to.include('not available').and.not.include('Continue with Google');

      // Asked whether two accounts are one, and not yet answered.
      const user = await createVerifiedUser(app);
      newPerson(google, { email: user.email });
      const asked = await signInWith(app.browser(), 'google');
      expect((await off.browser().request(asked.url)).status).to.be.oneOf([400, 404]);
      for (const path of [authorizePath('google')]) {
        expect((await off.browser().request(path)).status).to.equal(404);
      }
      const list = await off.browser().request('/oauth2/providers');
      expect(
        list.json<{ providers: { id: string }[] }>().providers.map(({ id }) => id),
      ).to.deep.equal(['acme']);
      // The one that is still on is not touched.
      expect((await signInWith(browser, 'acme')).status).to.equal(200);
    } finally {
      await off.close();
      await stage.close();
    }
  });
});
