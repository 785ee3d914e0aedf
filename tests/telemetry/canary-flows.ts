/** Every way to hand a server a secret: each function walks one, with canaries in all fields. */
import { createHash } from 'node:crypto';
import type { Browser } from '../support/browser.ts';
import type { Canaries } from './canary.ts';

export interface Walk {
  readonly canaries: Canaries;
  /** A user agent with an empty cookie jar. */
  browser(): Browser;
  readonly issuer: string;
  /** The registered client. */
  readonly clientId: string;
  readonly clientSecret: string;
}

export const REDIRECT_URI = 'https://rp.example.com/callback';

/** An address that must not be told anywhere either. */
export const addressOf = (canaries: Canaries, whose: string): string =>
  `${canaries.plant(`address of ${whose}`)}@example.com`;

function addCookies(canaries: Canaries, setCookies: readonly string[]): void {
  for (const cookie of setCookies) {
    const [name = '', value] = (cookie.split(';')[0] ?? '').split('=');
    canaries.add(`cookie ${name}`, value);
  }
}

const AS_PAGE = { accept: 'text/html' };

/** Registers, signs in, refreshes, changes password and address: the person of the cookie API. */
export async function walkRest({ canaries, browser }: Walk) {
  const agent = browser();
  const email = addressOf(canaries, 'a user');
  const [password, next] = [canaries.plant('password'), canaries.plant('new password')];
  const call = async (path: string, json: object, method = 'POST'): Promise<number> => {
    const answer = await agent.request(path, { method, json });
    addCookies(canaries, answer.setCookies);
    return answer.status;
  };
  const statuses = [
    await call('/auth/register', { email, password, name: 'Test Person' }),
    await call('/auth/register', { email, password, name: 'Test Person' }),
    await call('/auth/register', { email: addressOf(canaries, 'a weak one'), password: 'short' }),
    await call('/auth/login', { email, password: canaries.plant('wrong password') }),
    await call('/auth/login', { email, password }),
    await call('/auth/refresh', {}),
    await call('/auth/reauthenticate', { password: canaries.plant('wrong password') }),
    await call('/auth/reauthenticate', { password }),
    await call('/auth/password', { current_password: password, new_password: next }, 'PUT'),
    await call(
      '/auth/email',
      { email: addressOf(canaries, 'a new address'), current_password: next },
      'PUT',
    ),
    await call('/auth/email/verify', {}),
    await call('/leaky/throw', { password: canaries.plant('body of a 500') }),
  ];
  return { agent, email, password: next, statuses };
}

/** Requests that are refused, with a secret wherever one fits. */
export async function walkRefusals({ canaries, browser }: Walk): Promise<void> {
  const agent = browser();
  const secret = (where: string) => canaries.plant(where);
  const header = (name: string, value: string) =>
    agent.request('/auth/me', { anonymous: true, headers: { [name]: value } });
  await header('authorization', `Bearer ${secret('Authorization: Bearer')}`);
  await header('authorization', `Basic ${btoa(`x:${secret('Authorization: Basic')}`)}`);
  await header(
    'cookie',
    `authsrv-access=${secret('access cookie')}; authsrv-refresh=${secret('refresh cookie')}`,
  );
  await header('dpop', secret('DPoP'));
  await header('x-request-id', `bad id ${secret('X-Request-Id')}`);
  await agent.request(`/auth/me?access_token=${secret('query of REST')}`);
  await agent.request('/auth/login', {
    body: `{"password":"${secret('broken JSON')}`,
    ...JSON_BODY,
  });
  await agent.request('/auth/login', { form: { password: secret('form instead of JSON') } });
  await agent.request('/auth/login', { json: { [secret('unknown member')]: secret('its value') } });
  await agent.request('/auth/password/reset', {
    json: { token: secret('reset token'), new_password: secret('reset password') },
  });
  await agent.request('/auth/email/confirm', {
    json: {
      token: secret('mail token'),
      password: secret('password with a link'),
      new_password: secret('new password with a link'),
    },
  });
  await agent.request(`/l/${secret('mailed link').slice(0, 32)}`, { headers: AS_PAGE });
  await agent.request(`/oauth2/mock/confirm/${secret('confirm link')}`, { headers: AS_PAGE });
  await agent.request(`/metrics?token=${secret('query of metrics')}`, {
    headers: { authorization: `Bearer ${secret('wrong METRICS_TOKEN')}` },
  });
}

const JSON_BODY = { headers: { 'content-type': 'application/json' } };

/** OIDC endpoints, refused: query strings and forms full of secrets. */
export async function walkOidcRefusals(walk: Walk): Promise<void> {
  const { canaries, browser, clientId } = walk;
  const secret = (where: string) => canaries.plant(where);
  const agent = browser();
  const query = (at: string) =>
    new URLSearchParams(
      ['state', 'nonce', 'id_token_hint', 'login_hint', 'code_challenge', 'code', 'request'].map(
        (name): [string, string] => [name, secret(`${name} at ${at}`)],
      ),
    );
  const ask = (fields: Record<string, string>, at: string) =>
    agent.open(`/oidc/authorize?${query(at)}&${new URLSearchParams(fields)}`);
  await ask({ client_id: clientId }, 'authorize without redirect_uri');
  await ask({ client_id: secret('client_id') }, 'authorize of an unknown client');
  await ask({ client_id: clientId, redirect_uri: REDIRECT_URI }, 'authorize with a request object');
  await agent.open(`/oidc/logout?${query('logout')}`);
  await agent.open(`/oidc/me?${query('an unknown endpoint')}`);
  const basic = (of: string) => `Basic ${btoa(`${clientId}:${secret(`client secret, ${of}`)}`)}`;
  for (const path of ['token', 'introspect', 'revoke', 'request']) {
    const fields = ['code', 'code_verifier', 'refresh_token', 'token', 'client_assertion'].map(
      (name) => [name, secret(`${name} at ${path}`)] as const,
    );
    const form = { grant_type: 'authorization_code', ...Object.fromEntries(fields) };
    const post = (headers: Record<string, string>, more: Record<string, string> = {}) =>
      agent.request(`/oidc/${path}`, { anonymous: true, form: { ...form, ...more }, headers });
    await post({ authorization: basic(path) });
    await post({}, { client_id: clientId, client_secret: secret(`client_secret at ${path}`) });
    await post({ authorization: `Basic ${btoa(`${clientId}:${walk.clientSecret}`)}` });
    await post({ authorization: `Bearer ${secret(`Bearer at ${path}`)}` });
  }
}

/** A whole sign-in at a client: hosted page, code, tokens, refresh, introspection, userinfo, logout. */
export async function walkCodeFlow(
  walk: Walk,
  person: { readonly email: string; readonly password: string },
): Promise<number> {
  const { canaries, browser, clientId, clientSecret } = walk;
  const agent = browser();
  const verifier = canaries.plant('code_verifier').repeat(2).slice(0, 80);
  const params = {
    ...{ client_id: clientId, response_type: 'code', redirect_uri: REDIRECT_URI },
    ...{ scope: 'openid email offline_access', prompt: 'consent' },
    ...{ state: canaries.plant('state'), nonce: canaries.plant('nonce'), login_hint: person.email },
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  };
  const page = await agent.open(`/oidc/authorize?${new URLSearchParams(params)}`);
  const wrong = { email: person.email, password: canaries.plant('wrong password on the page') };
  const again = await agent.submit(page, wrong);
  const asked = await agent.submit(again, person);
  const allowed = await agent.submit(asked, {}, ({ action }) => action.endsWith('/allow'));
  const code = allowed.location?.searchParams.get('code') ?? '';
  canaries.add('code', code);
  const cookies = (await agent.jar.getCookies(walk.issuer)).map(
    ({ key, value }) => `${key}=${value}`,
  );
  addCookies(canaries, cookies);
  const authorization = `Basic ${btoa(`${clientId}:${clientSecret}`)}`;
  const post = (path: string, form: Record<string, string>) =>
    agent.request(`/oidc/${path}`, { anonymous: true, form, headers: { authorization } });
  const redeemed = await post('token', {
    ...{ grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI },
    code_verifier: verifier,
  });
  const tokens = redeemed.json<Record<'access_token' | 'refresh_token' | 'id_token', string>>();
  for (const [name, value] of Object.entries(tokens)) {
    if (/_token$/.test(name)) canaries.add(name, String(value).split('.').at(-1));
  }
  await post('token', { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI });
  await post('introspect', { token: tokens.access_token });
  await agent.request('/oidc/userinfo', {
    anonymous: true,
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  await post('token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token });
  await post('revoke', { token: tokens.refresh_token });
  await agent.open(
    `/oidc/logout?id_token_hint=${tokens.id_token}&state=${canaries.plant('state')}`,
  );
  return redeemed.status;
}
