/** A person at a browser: opens, types, presses, and looks at what comes. */
import { expect } from 'chai';
import type { BrowserContext, Response } from 'playwright-core';
import type { User } from '../../src/plugins/users/contract.ts';
import { PASSWORD } from '../support/people.ts';
import type { RelyingParty } from '../support/relying-party.ts';
import type { TestApp } from '../support/test-app.ts';
import { expectSoundPage } from './page-facts.ts';
import { expectPagePolicy } from './page-policy.ts';
import { ARRIVED, type Arrival } from './relying-party-site.ts';

export type Visitor = Awaited<ReturnType<typeof createVisitor>>;

type Params = Readonly<Record<string, string | undefined>>;

export async function createVisitor(context: BrowserContext, app: TestApp) {
  const page = await context.newPage();
  let answer: Response | undefined;
  page.on('response', (response) => {
    if (response.request().isNavigationRequest()) answer = response;
  });

  const heading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true });

  const press = (name: string): Promise<void> =>
    page.getByRole('button', { name, exact: true }).click();

  const fill = (label: string, value: string): Promise<void> =>
    page.getByLabel(label, { exact: true }).fill(value);

  return {
    page,
    context,
    press,
    fill,
    /** A path of ours, or a whole URL. */
    async open(target: string): Promise<void> {
      await page.goto(target.startsWith('/') ? `${app.issuer}${target}` : target);
    },
    async authorize(rp: RelyingParty, params: Params = {}): Promise<void> {
      await page.goto(`${app.issuer}${rp.authorizationUrl(params)}`);
    },
    follow: (name: string): Promise<void> => page.getByRole('link', { name, exact: true }).click(),
    async signIn({ email }: User, password = PASSWORD): Promise<void> {
      await fill('E-mail', email);
      await fill('Password', password);
      await press('Sign in');
    },
    /** A page of ours with this heading has come, and is as every page of ours must be. */
    async sees(name: string, status = 200): Promise<void> {
      await heading(name).waitFor();
      await page.waitForLoadState('load');
      expect(answer?.status(), name).to.equal(status);
      await expectSoundPage(page);
      const isErrorPage = (await page.locator('dl.details').count()) > 0;
      const hasForm = (await page.locator('input[name=_csrf]').count()) > 0;
      const headers = answer?.headers() ?? {};
      expectPagePolicy({ url: page.url(), isErrorPage, hasForm, headers });
    },
    /** What a part of the page says, the main part unless told; whitespace as a reader sees it. */
    async text(part: string = 'main'): Promise<string> {
      const text = (await page.locator(part).textContent()) ?? '';
      return text.replace(/\s+/g, ' ').trim();
    },
    /** The browser is at the relying party; answers with what it brought along. */
    async arrives(): Promise<Arrival> {
      await heading(ARRIVED).waitFor();
      return JSON.parse((await page.locator('script').textContent()) ?? '') as Arrival;
    },
    async cookie(name: string): Promise<string | undefined> {
      return (await context.cookies(app.issuer)).find((cookie) => cookie.name === name)?.value;
    },
  };
}
