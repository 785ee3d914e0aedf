import { expect } from 'chai';
import request from 'supertest';
import { readSettings } from '../../examples/relying-party/settings.ts';
import { freePort } from '../support/free-port.ts';
import {
  ACCESS_TOKEN,
  CLIENT_ID,
  type FakeIssuer,
  REFRESH_TOKEN,
  startFakeIssuer,
} from './fake-issuer.ts';
import { BASE_URL, type Listener, startRelyingParty } from './relying-party.ts';

type Agent = ReturnType<typeof request.agent>;

describe('examples/relying-party', () => {
  let issuer: FakeIssuer;
  let app: Listener;
  let logged: string[] = [];

  const createListener = (issuerUrl: string): Listener =>
    startRelyingParty(issuerUrl, (line) => logged.push(line));

  beforeEach(async () => {
    logged = [];
    issuer = await startFakeIssuer();
    app = createListener(issuer.issuer);
  });

  afterEach(() => issuer.close());

  /** Goes to /sign-in; the answer to the redirect URI is up to the caller. */
  const beginSignIn = async (agent: Agent): Promise<URLSearchParams> => {
    const answer = await agent.get('/sign-in').expect(303);
    const { searchParams } = new URL(answer.headers['location'] ?? '');
    issuer.nonce = searchParams.get('nonce') ?? '';
    return searchParams;
  };

  const signIn = async (agent = request.agent(app)): Promise<Agent> => {
    const state = (await beginSignIn(agent)).get('state');
    await agent.get('/callback').query({ code: 'c', state }).expect(303);
    return agent;
  };

  const csrfOf = async (agent: Agent): Promise<string> => {
    const { text } = await agent.get('/').expect(200);
    return /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';
  };

  const isSignedIn = async (agent: Agent): Promise<boolean> =>
    (await agent.get('/')).text.includes('You are signed in as');

  it('asks for a code with PKCE, state and nonce', async () => {
    const parameters = await beginSignIn(request.agent(app));
    expect(Object.fromEntries(parameters)).to.include({
      response_type: 'code',
      client_id: CLIENT_ID,
      redirect_uri: `${BASE_URL}/callback`,
      scope: 'openid profile email reports',
      code_challenge_method: 'S256',
    });
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(parameters.get(name), name).to.match(/^[\w-]{43}$/);
    }
    expect(parameters.has('prompt')).to.equal(false);
  });

  it('passes on prompts it knows, and no others', async () => {
    const agent = request.agent(app);
    for (const [prompt, passed] of Object.entries({ none: true, evil: false })) {
      const answer = await agent.get('/sign-in').query({ prompt });
      expect(new URL(answer.headers['location'] ?? '').searchParams.has('prompt')).to.equal(passed);
    }
  });

  it('sends the code verifier and keeps all tokens to itself', async () => {
    const agent = await signIn();
    expect(issuer.tokenRequests[0]?.get('code_verifier')).to.match(/^[\w-]{43}$/);
    for (const path of ['/', '/profile']) {
      const { text, headers } = await agent.get(path).expect(200);
      for (const secret of [ACCESS_TOKEN, REFRESH_TOKEN, 'client-secret', 'eyJ']) {
        expect(text + JSON.stringify(headers), path).not.to.include(secret);
      }
    }
  });

  it('shows claims of the ID token and of userinfo', async () => {
    const { text } = await (await signIn()).get('/profile');
    expect(text).to.include('<td>user-1</td>').and.include('<td>ada@example.com</td>');
  });

  describe('refuses at /callback', () => {
    const expectNotSignedIn = async (agent: Agent, query: object, status: number) => {
      await agent.get('/callback').query(query).expect(status);
      expect(await isSignedIn(agent)).to.equal(false);
      expect(issuer.tokenRequests.filter((body) => body.get('code') === 'stolen')).to.be.empty;
    };

    it('a state that it did not make', async () => {
      const agent = request.agent(app);
      await beginSignIn(agent);
      await expectNotSignedIn(agent, { code: 'stolen', state: 'other' }, 400);
    });

    it("a state of somebody else's browser", async () => {
      const theirs = (await beginSignIn(request.agent(app))).get('state');
      const agent = request.agent(app);
      await beginSignIn(agent);
      await expectNotSignedIn(agent, { code: 'stolen', state: theirs }, 400);
    });

    it('the same state again', async () => {
      const agent = request.agent(app);
      const state = (await beginSignIn(agent)).get('state');
      await agent.get('/callback').query({ error: 'access_denied', state }).expect(403);
      await expectNotSignedIn(agent, { code: 'stolen', state }, 400);
    });

    it('an ID token with another nonce', async () => {
      const agent = request.agent(app);
      const state = (await beginSignIn(agent)).get('state');
      issuer.nonce = 'other';
      await expectNotSignedIn(agent, { code: 'c', state }, 503);
    });

    it('an ID token with another key behind it', async () => {
      const agent = request.agent(app);
      const state = (await beginSignIn(agent)).get('state');
      issuer.forges = true;
      await expectNotSignedIn(agent, { code: 'c', state }, 503);
    });

    it('an error, whose text it shows without running it', async () => {
      const agent = request.agent(app);
      const state = (await beginSignIn(agent)).get('state');
      const answer = await agent.get('/callback').query({ error: '<script>x</script>', state });
      expect(answer.status).to.equal(403);
      expect(answer.text).not.to.include('<script>');
    });
  });

  describe('POST /refresh', () => {
    const refresh = (agent: Agent, csrf: string) =>
      agent.post('/refresh').type('form').send({ csrf });

    it('gets new tokens', async () => {
      const agent = await signIn();
      await refresh(agent, await csrfOf(agent))
        .expect(303)
        .expect('Location', '/profile');
      expect(issuer.tokenRequests.at(-1)?.get('refresh_token')).to.equal(REFRESH_TOKEN);
    });

    it('happens once for two tabs', async () => {
      const agent = await signIn();
      const csrf = await csrfOf(agent);
      const answers = await Promise.all([refresh(agent, csrf), refresh(agent, csrf)]);
      expect(answers.map(({ status }) => status)).to.deep.equal([303, 303]);
      const refreshes = issuer.tokenRequests.filter((body) => body.has('refresh_token'));
      expect(refreshes).to.have.length(1);
    });

    it('needs the token of the page', async () => {
      const agent = await signIn();
      for (const csrf of ['', 'x', await csrfOf(await signIn())]) {
        await refresh(agent, csrf).expect(403);
      }
      expect(issuer.tokenRequests.filter((body) => body.has('refresh_token'))).to.be.empty;
    });

    it('signs out when the server has ended the session', async () => {
      const agent = await signIn();
      issuer.refuses = true;
      await refresh(agent, await csrfOf(agent))
        .expect(303)
        .expect('Location', '/');
      expect(await isSignedIn(agent)).to.equal(false);
    });
  });

  describe('POST /sign-out', () => {
    it('ends the session here and goes to the server', async () => {
      const agent = await signIn();
      const csrf = await csrfOf(agent);
      const answer = await agent.post('/sign-out').type('form').send({ csrf }).expect(303);
      const url = new URL(answer.headers['location'] ?? '');
      expect(url.href.startsWith(`${issuer.issuer}/logout?`)).to.equal(true);
      expect(Object.fromEntries(url.searchParams)).to.include({
        client_id: CLIENT_ID,
        post_logout_redirect_uri: `${BASE_URL}/signed-out`,
      });
      expect(url.searchParams.get('id_token_hint')).to.match(/^eyJ/);
      expect(await isSignedIn(agent)).to.equal(false);
    });

    it('needs the token of the page', async () => {
      const agent = await signIn();
      await agent.post('/sign-out').type('form').send({ csrf: 'x' }).expect(403);
      expect(await isSignedIn(agent)).to.equal(true);
    });

    it('may be followed by a redirect to the server (form-action)', async () => {
      const { headers } = await request(app).get('/');
      expect(headers['content-security-policy']).to.include(`form-action 'self' ${issuer.issuer};`);
    });
  });

  describe('POST /backchannel-logout', () => {
    const post = (logout_token: string) =>
      request(app).post('/backchannel-logout').type('form').send({ logout_token });

    it('ends the session of the sid, and no other', async () => {
      const first = await signIn();
      issuer.sid = 'session-2';
      const second = await signIn();
      const token = await issuer.logoutToken({ sid: 'session-1', sub: 'user-1' });
      await post(token).expect(200).expect('Cache-Control', 'no-store');
      expect([await isSignedIn(first), await isSignedIn(second)]).to.deep.equal([false, true]);
    });

    it('ends all sessions of the subject when there is no sid', async () => {
      const agents = [await signIn(), await signIn()];
      await post(await issuer.logoutToken({ sub: 'user-1' })).expect(200);
      for (const agent of agents) expect(await isSignedIn(agent)).to.equal(false);
    });

    it('answers 200 for a session it does not know', async () => {
      await post(await issuer.logoutToken({ sid: 'unknown' })).expect(200);
    });

    it('answers 400 to anything else, and ends nothing', async () => {
      const agent = await signIn();
      const nonce = await issuer.logoutToken({ sid: 'session-1', nonce: 'n' });
      for (const token of ['', 'x', nonce]) {
        const answer = await post(token);
        expect(answer.status).to.equal(400);
        expect(answer.body).to.include({ error: 'invalid_request' });
      }
      await request(app).post('/backchannel-logout').send({ logout_token: nonce }).expect(415);
      expect(await isSignedIn(agent)).to.equal(true);
    });
  });

  it('sends everybody who is not signed in to the front page', async () => {
    for (const path of ['/profile', '/call-api']) {
      await request(app).get(path).expect(303).expect('Location', '/');
    }
  });

  it('works as soon as a server that starts later is there', async () => {
    const port = await freePort();
    app = createListener(`http://127.0.0.1:${port}`);
    await request(app).get('/sign-in').expect(503).expect('Retry-After', '5');
    expect(logged).to.have.length(1);
    await request(app).get('/').expect(200);
    const late = await startFakeIssuer(port);
    try {
      await request(app).get('/sign-in').expect(303);
    } finally {
      await late.close();
    }
  });

  it('takes no issuer on plain http but a loopback one', () => {
    const env = { CLIENT_ID, CLIENT_SECRET: 's', ISSUER: 'http://auth.example' };
    expect(() => readSettings(env)).to.throw('ISSUER must use https');
  });
});
