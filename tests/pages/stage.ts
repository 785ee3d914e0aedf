/** What every test of pages needs: the server, a relying party with an address, and Chromium. */
import { expect } from 'chai';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import type { NewClient } from '../../src/plugins/clients/contract.ts';
import { INSTALL_TIME, launchChromium } from '../support/chromium.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.ts';
import { type RelyingPartySite, startRelyingPartySite } from './relying-party-site.ts';
import { createVisitor, type Visitor } from './visitor.ts';
import { watchFaults } from './watch-faults.ts';

export interface Stage {
  readonly app: TestApp;
  readonly site: RelyingPartySite;
  /** A client whose redirect URIs are at the site. First-party unless told otherwise. */
  relyingParty(metadata?: Partial<NewClient>): Promise<RelyingParty>;
  /** A test: one person with a browser of their own, who at its end has had nothing to complain about. */
  visit(
    options: BrowserContextOptions,
    steps: (visitor: Visitor) => Promise<void>,
    /** As `watchFaults` has it. */
    judged?: RegExp,
  ): () => Promise<void>;
}

/** Phones often go without JavaScript here, so that both are walked through. */
export const BROWSERS: Readonly<Record<string, BrowserContextOptions>> = {
  'on a phone, without JavaScript': {
    javaScriptEnabled: false,
    viewport: { width: 390, height: 844 },
  },
  'with JavaScript': { javaScriptEnabled: true, viewport: { width: 1280, height: 800 } },
};

/** Milliseconds for one step; a page that does not come fails its test before mocha's own limit does. */
const PATIENCE = 10_000;

/** Starts everything before the tests of this suite and ends it after them. Without Chromium it skips them. */
export function useStage(options: TestAppOptions = {}): Stage {
  const ends: (() => Promise<void>)[] = [];
  let app: TestApp;
  let site: RelyingPartySite;
  let chromium: Browser;

  before(async function start() {
    this.timeout(INSTALL_TIME);
    const launched = await launchChromium();
    if (!launched) return this.skip();
    chromium = launched;
    ends.unshift(() => chromium.close());
    site = await startRelyingPartySite();
    ends.unshift(site.close);
    app = await startTestApp(options);
    ends.unshift(app.close);
  });
  after(async () => {
    const outcomes = await Promise.allSettled(ends.map((end) => end()));
    expect(outcomes.filter(({ status }) => status === 'rejected')).to.deep.equal([]);
  });

  return {
    get app() {
      return app;
    },
    get site() {
      return site;
    },
    relyingParty: (metadata = {}) =>
      createRelyingParty(app, {
        redirect_uris: [site.redirectUri],
        post_logout_redirect_uris: [site.postLogoutRedirectUri],
        ...metadata,
      }),
    visit: (contextOptions, steps, judged) => async () => {
      const context = await chromium.newContext(contextOptions);
      try {
        context.setDefaultTimeout(PATIENCE);
        const watch = watchFaults(context, judged);
        await steps(await createVisitor(context, app));
        expect(watch.faults()).to.deep.equal([]);
      } finally {
        await context.close();
      }
    },
  };
}
