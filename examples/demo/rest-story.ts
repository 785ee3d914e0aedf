/** Somebody uses the cookie REST API, and is signed in at the application by it. */
import {
  callApi,
  createPerson,
  expectLoginRequired,
  expectSignedIn,
  type Person,
  untilSignedOut,
} from './actors.ts';
import { textOf } from './html-page.ts';
import { expectRefused } from './refused-tokens.ts';
import type { Demo } from './start-demo.ts';
import { expectEqual, expectText, type Step } from './steps.ts';

interface Cookies {
  readonly access: string;
  readonly refresh: string;
}

export async function restStory(demo: Demo, step: Step): Promise<void> {
  const bob = createPerson('Bob');
  await signIn(demo, bob, step);
  const { access } = await cookiesOf(bob, demo);
  await step('the API takes the same token as a bearer token', async () => {
    expectEqual((await callApi(`${demo.urls.api}/me`, access)).status, 200, 'status');
  });
  await expectRefused(demo, access, step);
  await visitApplication(demo, bob, step);
  await step('POST /auth/refresh gives new cookies', async () => {
    const response = await bob.browser.request('POST', `${demo.urls.issuer}/auth/refresh`);
    expectEqual(response.status, 200, 'status');
    expectEqual((await cookiesOf(bob, demo)).access === access, false, 'same access token');
  });
  await signOut(demo, bob, step);
}

async function signIn(demo: Demo, { browser, email, password, name }: Person, step: Step) {
  const auth = `${demo.urls.issuer}/auth`;
  await step('POST /auth/register makes an account', async () => {
    const body = { email, password, name };
    const response = await browser.request('POST', `${auth}/register`, body);
    expectEqual(response.status, 201, 'status');
  });
  await step('POST /auth/login sets HttpOnly cookies and shows no token', async () => {
    const response = await browser.request('POST', `${auth}/login`, { email, password });
    expectEqual(response.status, 200, 'status');
    const cookies = response.headers.getSetCookie();
    expectEqual(
      cookies.filter((cookie) => !/; ?httponly/i.test(cookie)),
      [],
      'open to scripts',
    );
    const body = await response.text();
    expectEqual(body.includes('eyJ'), false, 'a token in the body');
  });
  await step('GET /auth/me knows who it is', async () => {
    const response = await browser.request('GET', `${auth}/me`);
    expectEqual(((await response.json()) as { email?: string }).email, email, 'email');
  });
}

const cookiesOf = async ({ browser }: Person, { urls: { issuer } }: Demo): Promise<Cookies> => ({
  access: (await browser.cookie(issuer, 'authsrv-access')) ?? '',
  refresh: (await browser.cookie(`${issuer}/auth/refresh`, 'authsrv-refresh')) ?? '',
});

async function visitApplication(demo: Demo, { browser }: Person, step: Step): Promise<void> {
  await step('the application signs in without a password, after consent', async () => {
    const page = await browser.open(`${demo.urls.relyingParty}/sign-in`);
    expectText(textOf(page.html), 'Allow Example app to use your account?');
    expectSignedIn(await browser.press(page, 'Allow'), demo);
  });
}

async function signOut(demo: Demo, bob: Person, step: Step): Promise<void> {
  const { browser } = bob;
  const old = await cookiesOf(bob, demo);
  await step('POST /auth/logout ends the session', async () => {
    const response = await browser.request('POST', `${demo.urls.issuer}/auth/logout`);
    expectEqual(response.status, 204, 'status');
    expectEqual(await cookiesOf(bob, demo), { access: '', refresh: '' }, 'cookies');
  });
  await step('a logout token has reached the application', () => untilSignedOut(bob, demo));
  await step('prompt=none says login_required', () => expectLoginRequired(bob, demo));
  await step('the API refuses the access token of before within a second', async () => {
    const isRefused = async () => (await callApi(`${demo.urls.api}/me`, old.access)).status === 401;
    const end = performance.now() + 1000;
    while (!(await isRefused())) {
      if (performance.now() > end) throw new Error('it still lets it in');
    }
  });
  await step('the server refuses the access token of before', async () => {
    const response = await callApi(`${demo.urls.issuer}/auth/me`, old.access);
    expectEqual(response.status, 401, 'status');
  });
  await step('the server refuses the refresh token of before', async () => {
    const headers = { cookie: `authsrv-refresh=${old.refresh}`, 'sec-fetch-site': 'same-origin' };
    const url = `${demo.urls.issuer}/auth/refresh`;
    const response = await fetch(url, { method: 'POST', headers });
    expectEqual(response.status, 401, 'status');
  });
}
