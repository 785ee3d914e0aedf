import path from 'node:path';
import { expect } from 'chai';
import { createRenderer } from '../../../src/http/render.ts';
import type { Interaction, InteractionInput, PromptOutcome } from '../../../src/kernel/oidc.ts';
import { ProblemError } from '../../../src/kernel/problem.ts';
import type { Client } from '../../../src/plugins/clients/contract.ts';
import { createConsentPrompt } from '../../../src/plugins/consent/consent-prompt.ts';
import type { User } from '../../../src/plugins/users/contract.ts';
import { untouched } from '../plugin-context.ts';

const user: User = {
  id: '6f0d7c3a-0000-4000-8000-000000000001',
  email: 'ana@example.com',
  emailCanonical: 'ana@example.com',
  emailVerified: true,
  name: 'Ana',
  locale: null,
  rolesVersion: 1,
  credentialsVersion: 1,
  disabledAt: null,
  deletingAt: null,
  createdAt: new Date(0),
};

const API = 'https://api.shop.example.com';

const client: Client = {
  client_id: 'shop',
  client_name: 'Shop',
  redirect_uris: ['https://shop.example.com/cb'],
  post_logout_redirect_uris: [],
  grant_types: ['authorization_code'],
  token_endpoint_auth_method: 'none',
  id_token_signed_response_alg: 'RS256',
  application_type: 'web',
  first_party: false,
  allowed_scopes: ['account', 'invoices'],
  allowed_resources: [],
  created_at: new Date(0),
};

const interaction: Interaction = {
  uid: 'uid',
  prompt: 'consent',
  reasons: [],
  details: {},
  params: { scope: 'openid email admin invoices offline_access unknown' },
  client: {
    id: 'shop',
    name: 'Shop',
    redirectUri: 'https://shop.example.com:8443/cb?a=b',
    redirectHost: 'shop.example.com:8443',
  },
  session: { uid: 'session', userId: user.id },
  url: (action) => `/interaction/uid${action ? `/${action}` : ''}`,
};

const EVERYBODY = { users: [user], clients: [client] };

function setUp(known: { users: readonly User[]; clients: readonly Client[] } = EVERYBODY) {
  const allowed: unknown[][] = [];
  const prompt = createConsentPrompt({
    consents: { allow: async (...given) => void allowed.push(given) },
    users: { find: async (id) => known.users.find((one) => one.id === id) },
    clients: { find: async (id) => known.clients.find((one) => one.client_id === id) },
    api: { audience: API, title: 'The shop API' },
  });
  const run = (step: 'show' | 'allow' | 'deny', at: Interaction = interaction) => {
    const input: InteractionInput = {
      interaction: at,
      query: {},
      params: { uid: 'uid' },
      form: {},
      request: untouched('request'),
      csrf: 'c5rf',
    };
    const act = step === 'show' ? prompt.show : prompt.actions[step];
    return act ? act(input) : expect.fail(`there is no action ${step}`);
  };
  return { prompt, run, allowed };
}

const problemOf = async (work: Promise<unknown>) => {
  const failure = await work.catch((error: unknown) => error);
  return failure instanceof ProblemError ? failure.problem.type : String(failure);
};

function page(outcome: PromptOutcome) {
  if (!('view' in outcome)) return expect.fail('it shows no page');
  return outcome;
}

describe('consent prompt', () => {
  it('shows who asks whom for what, and where the browser goes (SEC-61)', async () => {
    const { view, locals } = page(await setUp().run('show'));
    expect(view).to.equal('consent/consent');
    expect(locals).to.deep.include({
      action: '/interaction/uid/allow',
      denyAction: '/interaction/uid/deny',
      csrf: 'c5rf',
      client: { name: 'Shop', redirectHost: 'shop.example.com:8443' },
      account: { email: 'ana@example.com' },
    });
    const scopes = locals['scopes'] as { name: string; title: string }[];
    expect(scopes.map(({ name, title }) => `${name}: ${title}`)).to.deep.equal([
      'openid: Know who you are',
      'email: See your e-mail address',
      'invoices: invoices',
      'offline_access: Stay connected',
    ]);
  });

  it('allows exactly what it shows, for who is signed in, and no scope beyond the allowlist (SEC-60)', async () => {
    const { run, allowed } = setUp();
    expect(await run('allow')).to.deep.equal({ finish: { consent: {} } });
    const scopes = ['openid', 'email', 'invoices', 'offline_access'];
    expect(allowed).to.deep.equal([[user.id, 'shop', { scopes, resources: [] }, 'session']]);
  });

  it('asks for nothing when no scope, or an odd one, was requested', async () => {
    for (const scope of [undefined, '', '  ', ['openid'], 7]) {
      const { run, allowed } = setUp();
      await run('allow', { ...interaction, params: { scope } });
      expect(allowed).to.deep.equal([[user.id, 'shop', { scopes: [], resources: [] }, 'session']]);
    }
  });

  it('D2 shows and allows the API to a client that was granted it, and to no other', async () => {
    const at = {
      ...interaction,
      params: { scope: 'openid', resource: [API, 'https://x.example'] },
    };
    const titles = async (one: Client) => {
      const { run, allowed } = setUp({ ...EVERYBODY, clients: [one] });
      const { locals } = page(await run('show', at));
      await run('allow', at);
      const [[, , given] = []] = allowed;
      const { resources } = given as { resources: readonly string[] };
      return [(locals['scopes'] as { title: string }[]).map(({ title }) => title), resources];
    };
    const openid = 'Know who you are';
    expect(await titles(client)).to.deep.equal([[openid], []]);
    const shown = [[openid, 'Use The shop API for you'], [API]];
    expect(await titles({ ...client, allowed_resources: [API] })).to.deep.equal(shown);
    expect(await titles({ ...client, first_party: true })).to.deep.equal(shown);
  });

  it('denies with access_denied and stores nothing', async () => {
    const { run, allowed } = setUp();
    expect(await run('deny')).to.deep.equal({ finish: { error: 'access_denied' } });
    expect(allowed).to.deep.equal([]);
  });

  it('counts no post as an answer while another step is open (authentik CVE-2026-49448)', async () => {
    const { run, allowed, prompt } = setUp();
    expect(Object.keys(prompt.actions), 'an empty action answers nothing').to.have.members([
      'allow',
      'deny',
    ]);
    for (const step of ['show', 'allow', 'deny'] as const) {
      const found = await problemOf(run(step, { ...interaction, prompt: 'login' }));
      expect(found).to.equal('urn:problem:consent:nothing-to-allow');
    }
    expect(allowed).to.deep.equal([]);
  });

  it('counts no post of somebody who is not signed in (authentik CVE-2026-49448)', async () => {
    const { run, allowed } = setUp();
    const { session: _session, ...anonymous } = interaction;
    for (const step of ['show', 'allow'] as const) {
      const found = await problemOf(run(step, anonymous));
      expect(found).to.equal('urn:problem:consent:nothing-to-allow');
    }
    expect(allowed).to.deep.equal([]);
  });

  it('refuses users that are gone or disabled, and clients that are gone (SEC-51)', async () => {
    const disabled = { ...user, disabledAt: new Date(1) };
    for (const known of [
      { ...EVERYBODY, users: [] },
      { ...EVERYBODY, users: [disabled] },
      { ...EVERYBODY, clients: [] },
    ]) {
      const { run, allowed } = setUp(known);
      for (const step of ['show', 'allow'] as const) {
        expect(await problemOf(run(step))).to.equal('urn:problem:consent:party-gone');
      }
      expect(allowed).to.deep.equal([]);
    }
  });

  it('fits the view, which escapes what a client calls itself (SEC-93)', async () => {
    const render = createRenderer({
      folder: path.join(import.meta.dirname, '../../../views'),
      assetBase: '/assets',
      productName: 'Auth Service',
    });
    const named = {
      ...interaction,
      client: { ...interaction.client, name: '<script>alert(1)</script>' },
    };
    const { view, locals } = page(await setUp().run('show', named));
    const html = render(view, { ...locals });
    expect(html).to.include('action="/interaction/uid/allow"');
    expect(html).to.include('formaction="/interaction/uid/deny"');
    expect(html).to.include('See your e-mail address').and.include('ana@example.com');
    expect(html).to.include('shop.example.com:8443').and.not.include('<script>');
  });
});
