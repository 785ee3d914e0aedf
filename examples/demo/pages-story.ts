/** Somebody registers on the hosted pages, uses an application and an API, and signs out. */
import {
  apiAnswers,
  createPerson,
  expectInvalidToken,
  expectLoginRequired,
  expectSignedIn,
  type Person,
  untilApiAnswers,
} from './actors.ts';
import type { Page } from './browser.ts';
import { tableOf, textOf } from './html-page.ts';
import { ROLE } from './registrations.ts';
import type { Demo } from './start-demo.ts';
import { expectEqual, expectText, type Step } from './steps.ts';

export async function pagesStory(demo: Demo, step: Step): Promise<void> {
  const ada = createPerson('Ada');
  await signUp(demo, ada, step);
  await useApi(demo, ada, step);
  await step('prompt=none signs in again without a page, consent is remembered', async () => {
    const page = await ada.browser.open(`${demo.urls.relyingParty}/sign-in?prompt=none`);
    expectSignedIn(page, demo);
    expectEqual(
      page.way.filter(({ pathname }) => pathname.includes('/interaction')),
      [],
      'pages',
    );
  });
  await signOut(demo, ada, step);
}

async function signUp(demo: Demo, { browser, email, password, name }: Person, step: Step) {
  let page: Page;
  await step('the application sends its visitor to the sign-in page', async () => {
    page = await browser.follow(await browser.open(demo.urls.relyingParty), 'Sign in');
    expectEqual(page.url.origin, demo.urls.issuer, 'origin');
    expectText(textOf(page.html), 'Example app');
  });
  await step('a new account leads to the consent page', async () => {
    page = await browser.follow(page, 'Create an account');
    page = await browser.press(page, 'Create account', { name, email, password });
    expectText(textOf(page.html), 'Allow Example app to use your account?');
    expectText(textOf(page.html), email);
  });
  await step('allowing leads back to the application, signed in', async () => {
    page = await browser.press(page, 'Allow');
    expectSignedIn(page, demo);
  });
  await step('the profile shows claims of the ID token and of userinfo', async () => {
    const { html } = await browser.open(`${demo.urls.relyingParty}/profile`);
    const [idToken, userinfo] = [tableOf(html, 'id-token'), tableOf(html, 'userinfo')];
    expectEqual(idToken['iss'], [demo.urls.issuer], 'iss');
    expectEqual(idToken['aud'], [demo.clientId], 'aud');
    expectEqual(userinfo['sub'], idToken['sub'], 'sub');
    expectEqual(userinfo['email'], [email], 'email');
    expectEqual(userinfo['name'], [name], 'name');
    expectText(userinfo['greeting']?.[0] ?? 'no greeting', 'Hello, ');
  });
}

async function useApi(demo: Demo, ada: Person, step: Step): Promise<void> {
  await step('the API lets the application in, but not as an administrator', async () => {
    expectEqual(await apiAnswers(ada, demo), ['200', '200', '403'], '/public, /me, /admin');
  });
  await step(
    `authsrv gives the role ${ROLE}; the old token is refused within a second`,
    async () => {
      // Nobody has verified Ada's address, so it names nobody yet.
      await expectRefused(demo.cli(['role', 'grant', ada.email, ROLE]), 'is not verified');
      expectText(await demo.cli(['role', 'grant', await idOf(demo, ada), ROLE]), ROLE);
      await untilApiAnswers(ada, demo, ['200', '401', '401']);
    },
  );
  await step('after a refresh the API opens /admin', async () => {
    await refresh(demo, ada);
    expectEqual(await apiAnswers(ada, demo), ['200', '200', '200'], '/public, /me, /admin');
  });
  await step('a demoted user is refused by the API within a second', async () => {
    await demo.cli(['role', 'revoke', await idOf(demo, ada), ROLE]);
    await untilApiAnswers(ada, demo, ['200', '401', '401']);
    await refresh(demo, ada);
    expectEqual(await apiAnswers(ada, demo), ['200', '200', '403'], '/public, /me, /admin');
  });
}

async function idOf({ cli }: Demo, { email }: Person): Promise<string> {
  const user = JSON.parse(await cli(['user', 'show', email, '--json'])) as { id: string };
  return user.id;
}

async function expectRefused(work: Promise<string>, reason: string): Promise<void> {
  const said = await work.then(
    (output) => `it was done: ${output}`,
    (error: Error) => error.message,
  );
  expectText(said, reason);
}

async function refresh({ urls: { relyingParty } }: Demo, { browser }: Person): Promise<void> {
  const page = await browser.press(await browser.open(`${relyingParty}/profile`), 'Refresh');
  expectEqual(page.url.pathname, '/profile', 'address');
}

async function signOut(demo: Demo, ada: Person, step: Step): Promise<void> {
  const { browser } = ada;
  let idToken = '';
  await step('signing out at the application asks at the server, and comes back', async () => {
    const asked = await browser.press(await browser.open(demo.urls.relyingParty), 'Sign out');
    expectEqual(asked.url.origin, demo.urls.issuer, 'origin');
    const hint = asked.way.map(({ searchParams }) => searchParams.get('id_token_hint'));
    idToken = hint.find((value) => value !== null) ?? '';
    const page = await browser.press(asked, 'Sign out');
    expectEqual(page.url.pathname, '/signed-out', 'address');
    expectEqual(page.status, 200, 'status');
  });
  await step('the application has forgotten the visitor', async () => {
    const page = await browser.open(`${demo.urls.relyingParty}/profile`);
    expectText(textOf(page.html), 'You are not signed in');
  });
  await step('the server has ended the session: prompt=none says login_required', () =>
    expectLoginRequired(ada, demo),
  );
  await step('GET /auth/me says 401', async () => {
    const response = await browser.request('GET', `${demo.urls.issuer}/auth/me`);
    expectEqual(response.status, 401, 'status');
  });
  await step('the API refuses an ID token', () =>
    expectInvalidToken(`${demo.urls.api}/me`, idToken),
  );
}
