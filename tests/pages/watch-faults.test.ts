/** The tests of pages trust this watch: here it sees what it must see. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { INSTALL_TIME, launchChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { watchFaults } from './watch-faults.ts';

const POLICY = "default-src 'none'; img-src 'self' data:; form-action 'self'";

const PAGES: Readonly<Record<string, { readonly html: string; readonly sees?: RegExp }>> = {
  'an inline style': { html: '<p style="color: red">x</p>', sees: /inline style violates/ },
  'a form that leads elsewhere': {
    html: '<form method="post" action="http://127.0.0.2:9/"><button>Go</button></form>',
    sees: /form data .* violates/,
  },
  'an image that is not there': { html: '<img src="/missing">', sees: /404 .*\/missing/ },
  'an image from elsewhere': { html: '<img src="http://127.0.0.2:9/x">', sees: /violates/ },
  'nothing on a page of status 401': { html: '<p>401</p>' },
};

describe('watch of a browser’s faults', () => {
  let chromium: Browser | undefined;
  let server: Server;
  before(async function start() {
    this.timeout(INSTALL_TIME);
    chromium = await launchChromium();
    if (!chromium) return this.skip();
    server = createServer(({ url = '' }, response) => {
      const { html } = PAGES[decodeURIComponent(url.slice(1))] ?? { html: 'missing' };
      const status = html === 'missing' ? 404 : html.includes('401') ? 401 : 200;
      response.writeHead(status, {
        'content-type': 'text/html',
        'content-security-policy': POLICY,
      });
      response.end(`<title>x</title><link rel="icon" href="data:,">${html}`);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(async () => {
    await chromium?.close();
    server?.close();
  });

  const open = async (name: string, context: BrowserContext): Promise<Page> => {
    const page = await context.newPage();
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/${encodeURIComponent(name)}`);
    return page;
  };

  for (const javaScriptEnabled of [true, false]) {
    for (const [name, { sees }] of Object.entries(PAGES)) {
      it(`sees ${name}, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, async () => {
        const context = (await chromium?.newContext({ javaScriptEnabled })) as BrowserContext;
        try {
          const watch = watchFaults(context);
          const page = await open(name, context);
          const button = page.getByRole('button');
          if ((await button.count()) > 0) await button.click({ noWaitAfter: true });
          if (sees) await eventually(() => expect(watch.faults().join('\n')).to.match(sees));
          else expect(watch.faults()).to.deep.equal([]);
        } finally {
          await context.close();
        }
      });
    }
  }
});
