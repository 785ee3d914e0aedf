/** What the stories have in common: a person with a browser, and the places they go to. */
import { randomBytes } from 'node:crypto';
import { type Browser, createBrowser, type Page } from './browser.ts';
import { tableOf, textOf } from './html-page.ts';
import type { Demo } from './start-demo.ts';
import { expectEqual, expectText } from './steps.ts';

export interface Person {
  readonly email: string;
  readonly password: string;
  readonly name: string;
  readonly browser: Browser;
}

/** Nobody has registered with this address yet. */
export const createPerson = (name: string): Person => ({
  email: `${name.toLowerCase()}-${randomBytes(6).toString('hex')}@example.com`,
  password: randomBytes(15).toString('base64url'),
  name,
  browser: createBrowser(),
});

/** The person arrived at the relying party's front page, signed in. */
export function expectSignedIn(page: Page, { urls: { relyingParty } }: Demo): void {
  expectEqual(`${page.url.origin}${page.url.pathname}`, `${relyingParty}/`, 'address');
  expectText(textOf(page.html), 'You are signed in as');
}

/** A request without a page came back with `login_required`: nobody is signed in at the server. */
export async function expectLoginRequired({ browser }: Person, demo: Demo): Promise<void> {
  const page = await browser.open(`${demo.urls.relyingParty}/sign-in?prompt=none`);
  expectEqual(page.status, 403, 'status');
  expectText(textOf(page.html), 'login_required');
}

/** Status codes that the relying party gets from the API, by path. */
export async function apiAnswers({ browser }: Person, demo: Demo) {
  const page = await browser.open(`${demo.urls.relyingParty}/call-api`);
  const answers = tableOf(page.html, 'answers');
  return ['/public', '/me', '/admin'].map((path) => answers[`GET ${path}`]?.[0]);
}

/** Resolves when the API gives these answers to the relying party. Throws an Error after `timeout` ms. */
export async function untilApiAnswers(
  person: Person,
  demo: Demo,
  wanted: readonly string[],
  timeout = 1000,
): Promise<void> {
  const end = performance.now() + timeout;
  for (;;) {
    const answers = await apiAnswers(person, demo);
    if (JSON.stringify(answers) === JSON.stringify(wanted)) return;
    if (performance.now() > end)
      expectEqual(answers, wanted, `/public, /me, /admin (${timeout} ms)`);
  }
}

/** Resolves when the relying party no longer knows the person. Throws an Error after `timeout` ms. */
export async function untilSignedOut(
  { browser }: Person,
  { urls: { relyingParty } }: Demo,
  timeout = 5000,
): Promise<void> {
  const end = performance.now() + timeout;
  for (;;) {
    const page = await browser.open(relyingParty);
    if (textOf(page.html).includes('You are not signed in')) return;
    if (performance.now() > end) throw new Error('the relying party still has the session');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Asks the API with any token. */
export async function callApi(url: string, token: string): Promise<Response> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  return response;
}

/** 401 with `invalid_token` (RFC 6750 §3.1), and the given reason. */
export async function expectInvalidToken(url: string, token: string, reason = ''): Promise<void> {
  const response = await callApi(url, token);
  expectEqual(response.status, 401, 'status');
  const challenge = response.headers.get('www-authenticate') ?? '';
  expectText(challenge, 'error="invalid_token"');
  expectText(challenge, reason);
}
