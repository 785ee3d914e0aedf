/** Two tabs of one browser: what one of them is told of the former sign-in comes after the other signed in again (B-08). */
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { type HeaderFilter, startHeaderFilter } from '../support/header-filter.ts';
import { createUser, PASSWORD } from '../support/people.ts';
import { type Stage, useStage } from './stage.ts';
import type { Visitor } from './visitor.ts';

/** Runs in the browser: one call of the API, with the cookies that it has then. Answers the status. */
const CALL = async ([path, body]: [string, object?]): Promise<number> => {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(path, {
    method: path === '/auth/me' ? 'GET' : 'POST',
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  await answer.text();
  return answer.status;
};

/** Run in the browser: an app of the same origin keeps something, and looks for it. */
const KEEP = `(async () => {
  localStorage.setItem('of', 'another app');
  await (await caches.open('of another app')).put('/x', new Response('kept'));
  await new Promise((resolve, reject) => {
    const opened = indexedDB.open('of another app');
    opened.onsuccess = resolve;
    opened.onerror = reject;
  });
})()`;
const KEPT = `(async () => [
  localStorage.getItem('of'),
  await caches.keys(),
  (await indexedDB.databases()).map(({ name }) => name),
])()`;

describe('pages: two tabs', () => {
  let filter: HeaderFilter;
  before(async () => {
    filter = await startHeaderFilter();
  });
  const stage: Stage = useStage();
  after(() => filter.close());

  const call = (page: Page, path: string, body?: object): Promise<number> =>
    page.evaluate(CALL, [path, body] as [string, object?]);

  /** A page of ours whose policy lets scripts call us. */
  const openTab = async ({ context }: Visitor): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(`${stage.app.issuer}/auth/doc`);
    return page;
  };

  const visit = (steps: (person: Visitor) => Promise<void>) => () =>
    stage.visit({ javaScriptEnabled: true, proxy: filter.proxy }, steps, /\/auth\/\w+$/)();

  const expectSignedIn = async (person: Visitor, tab: Page): Promise<void> => {
    expect(await call(tab, '/auth/me')).to.equal(200);
    expect(await call(tab, '/auth/refresh')).to.equal(200);
    await person.authorize(await stage.relyingParty(), { prompt: 'none' });
    expect((await person.arrives()).params).to.have.property('code');
  };

  it(
    'B-08 the late refusal of a refresh, and a late silent request, leave the new sign-in alone',
    visit(async (person) => {
      const [one, two] = [await openTab(person), await openTab(person)];
      const credentials = { email: (await createUser(stage.app)).email, password: PASSWORD };
      expect(await call(one, '/auth/login', credentials)).to.equal(200);
      const held = filter.hold('/auth/refresh');
      const late = call(two, '/auth/refresh');
      await held.arrived;
      expect(await call(one, '/auth/logout')).to.equal(204);
      expect(await call(one, '/auth/login', credentials)).to.equal(200);
      held.release();
      expect(await late).to.equal(401);
      await expectSignedIn(person, one);

      const rp = await stage.relyingParty();
      const silent = filter.hold('/oidc/authorize');
      const third = await person.context.newPage();
      const renewal = third.goto(`${stage.app.issuer}${rp.authorizationUrl({ prompt: 'none' })}`);
      await silent.arrived;
      expect(await call(one, '/auth/logout')).to.equal(204);
      expect(await call(one, '/auth/login', credentials)).to.equal(200);
      silent.release();
      await renewal;
      expect(third.url()).to.include('error=login_required');
      await expectSignedIn(person, one);
    }),
  );

  it(
    'B-08 a front end that tries a refresh on load leaves the sign-in of the hosted pages',
    visit(async (person) => {
      const rp = await stage.relyingParty();
      await person.authorize(rp);
      await person.signIn(await createUser(stage.app));
      await person.arrives();
      const tab = await openTab(person);
      expect(await call(tab, '/auth/refresh')).to.equal(401);
      await person.authorize(rp, { prompt: 'none' });
      expect((await person.arrives()).params).to.have.property('code');
    }),
  );

  it(
    'B-14 signing out empties nothing that another app of the origin keeps in the browser',
    visit(async (person) => {
      const tab = await openTab(person);
      const credentials = { email: (await createUser(stage.app)).email, password: PASSWORD };
      await call(tab, '/auth/login', credentials);
      await tab.evaluate(KEEP);
      expect(await call(tab, '/auth/logout')).to.equal(204);
      await person.open('/oidc/logout');
      await person.press('Sign out');
      await person.sees('You are signed out');
      await tab.reload();
      const kept = await tab.evaluate(KEPT);
      expect(kept).to.deep.equal(['another app', ['of another app'], ['of another app']]);
    }),
  );
});
