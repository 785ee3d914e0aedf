import { createHash, randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { startTestApp, type TestApp } from '../../support/test-app.ts';
import { authorizePath, me, walk } from './stage.ts';

/** GitHub as its API documentation describes it, for one person. */
const fake = {
  user: {} as unknown,
  emails: [] as unknown,
  tokenAnswer: undefined as object | undefined,
  challenge: '',
  revoked: [] as string[],
};

const newPerson = (): string => {
  const email = `gh-${randomUUID()}@example.com`;
  fake.tokenAnswer = undefined;
  fake.user = {
    id: randomInt(1, 2 ** 40),
    login: 'octo',
    name: 'Octo Cat',
    email: 'public@x.example',
  };
  fake.emails = [
    { email: 'other@example.org', primary: false, verified: true },
    { email, primary: true, verified: true },
  ];
  return email;
};

async function answer(
  request: IncomingMessage,
  issuer: string,
): Promise<[number, object | string]> {
  const url = new URL(request.url ?? '', issuer);
  if (url.pathname === '/login/oauth/authorize') {
    const back = new URL(url.searchParams.get('redirect_uri') ?? '');
    fake.challenge = url.searchParams.get('code_challenge') ?? '';
    back.searchParams.set('code', 'a-code');
    back.searchParams.set('state', url.searchParams.get('state') ?? '');
    return [302, back.href];
  }
  const body = await text(request);
  if (url.pathname === '/login/oauth/access_token') {
    const verifier = new URLSearchParams(body).get('code_verifier') ?? '';
    const isRight = createHash('sha256').update(verifier).digest('base64url') === fake.challenge;
    if (!isRight) return [200, { error: 'bad_verification_code' }];
    return [200, fake.tokenAnswer ?? { access_token: 'gho_token', token_type: 'bearer' }];
  }
  if (url.pathname.endsWith('/grant')) {
    fake.revoked.push(body);
    return [204, ''];
  }
  if (request.headers.authorization !== 'Bearer gho_token') return [401, {}];
  return [200, (url.pathname.endsWith('/emails') ? fake.emails : fake.user) as object];
}

describe('signing in with GitHub', () => {
  let server: Server;
  let app: TestApp;
  before(async () => {
    server = createServer((request, response) => {
      void answer(request, 'http://127.0.0.1').then(([status, body]) => {
        if (status === 302) response.writeHead(302, { location: String(body) }).end();
        else response.writeHead(status).end(status === 204 ? undefined : JSON.stringify(body));
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    app = await startTestApp({
      settings: {
        GITHUB_CLIENT_ID: 'id',
        GITHUB_CLIENT_SECRET: 'secret',
        GITHUB_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        FEDERATION_STORE_TOKENS: 'on',
      },
    });
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await app.close();
  });

  const signIn = async () => {
    const browser = app.browser();
    const page = await walk(browser, await browser.request(authorizePath('github')));
    return { browser, page, user: await me(browser) };
  };

  it('takes the number as subject and the verified primary address, with PKCE', async () => {
    const email = newPerson();
    const first = await signIn();
    expect(first.user).to.include({ email, name: 'Octo Cat', email_verified: true });
    fake.emails = [];
    (fake.user as { login: string }).login = 'renamed';
    expect((await signIn()).user?.['id']).to.equal(first.user?.['id']);
    const revoke = () => first.browser.request('/oauth2/github/revoke', { method: 'POST' });
    expect((await revoke()).status).to.equal(204);
    expect(fake.revoked.join()).to.include('gho_token');
  });

  it('SEC-70 an address that is not verified, not primary, or not there opens nothing', async () => {
    for (const emails of [
      [{ email: 'a@example.com', primary: true, verified: false }],
      [{ email: 'a@example.com', primary: true, verified: 'true' }],
      [{ email: 'a@example.com', primary: false, verified: true }],
      [],
      {},
    ]) {
      newPerson();
      fake.emails = emails;
      const { page, user } = await signIn();
      expect(page.status, JSON.stringify(emails)).to.equal(403);
      expect(user).to.equal(undefined);
    }
  });

  it('SEC-69 GHSA-5hvv-9cqv-894r an answer about nobody is refused', async () => {
    for (const user of [{}, { id: 0 }, { id: null }, { id: '' }, { id: '12' }, { id: -1 }, []]) {
      newPerson();
      fake.user = user;
      const answered = await signIn();
      expect(answered.page.status, JSON.stringify(user)).to.equal(502);
      expect(answered.user).to.equal(undefined);
    }
  });

  it('a failure with status 200, as GitHub sends them, is a failure', async () => {
    for (const tokens of [{ error: 'bad_verification_code' }, { access_token: '' }, {}]) {
      newPerson();
      fake.tokenAnswer = tokens;
      const { page, user } = await signIn();
      expect(page.status).to.equal(502);
      expect(user).to.equal(undefined);
    }
  });
});
