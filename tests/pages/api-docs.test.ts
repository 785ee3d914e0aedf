import { expect } from 'chai';
import type { Locator, Page } from 'playwright-core';
import { createUser, PASSWORD } from '../support/people.ts';
import { useStage } from './stage.ts';

const DESKTOP = { viewport: { width: 1280, height: 900 } };

/** Milliseconds: the viewer is large, and coverage makes it slow. */
const PATIENCE = 60_000;

/** Opens an operation of the viewer and presses its button; resolves with the answer's status. */
async function tryIt(operation: Locator, body?: string): Promise<string> {
  await operation.locator('.opblock-summary-control').click();
  if (body !== undefined) await operation.locator('textarea').fill(body);
  await operation.getByRole('button', { name: 'Execute' }).click();
  const status = operation.locator('.live-responses-table .response .response-col_status');
  return ((await status.first().textContent()) ?? '').trim();
}

/** Hosts that the page asked for anything. */
function watchHosts(page: Page): ReadonlySet<string> {
  const hosts = new Set<string>();
  page.on('request', (request) => hosts.add(new URL(request.url()).origin));
  return hosts;
}

/** The stage's visits end with a look at the console: a breach of the policy is an error there. */
describe('SEC-93 pages of the API', function () {
  this.timeout(PATIENCE);
  const stage = useStage();

  for (const [part, path] of Object.entries({
    auth: '/auth/me',
    users: '/users/{id}/roles',
    roles: '/roles/{id}',
    oauth2: '/oidc/token',
  })) {
    it(
      `/${part}/doc shows its part, from this origin and under the policy`,
      stage.visit(DESKTOP, async ({ page }) => {
        const hosts = watchHosts(page);
        const answer = await page.goto(`${stage.app.issuer}/${part}/doc`);
        expect(answer?.headers()['content-security-policy']).to.equal(
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
            "base-uri 'none'; frame-ancestors 'none'; connect-src 'self'; form-action 'none'",
        );
        await page.locator(`.opblock [data-path="${path}"]`).first().waitFor();
        const paths = await page
          .locator('.opblock [data-path]')
          .evaluateAll((found) => found.map((one) => one.getAttribute('data-path') ?? ''));
        const first = paths.map((one) => one.split('/')[1]);
        expect([...new Set(first)]).to.include.members(part === 'oauth2' ? ['oidc'] : [part]);
        if (part !== 'oauth2') expect([...new Set(first)]).to.have.lengthOf(1);
        await page.locator('nav [aria-current="page"]', { hasText: `/${part}` }).waitFor();
        expect([...hosts]).to.deep.equal([new URL(stage.app.issuer).origin]);
      }),
    );
  }

  it(
    'try calls out with the cookies of a sign-in',
    stage.visit(DESKTOP, async ({ page, open }) => {
      const { email } = await createUser(stage.app);
      await open('/auth/doc');
      const login = page.locator('#operations-auth-postAuthLogin');
      expect(await tryIt(login, JSON.stringify({ email, password: PASSWORD }))).to.equal('200');
      const me = page.locator('#operations-auth-getAuthMe');
      expect(await tryIt(me)).to.equal('200');
      expect(await me.locator('.live-responses-table').textContent()).to.include(email);
      // An unsafe method, which only pages of ours may call with cookies.
      expect(await tryIt(page.locator('#operations-auth-postAuthLogout'))).to.equal('204');
    }),
  );

  for (const [part, tried] of Object.entries({
    users: ['getUsers'],
    roles: ['getRoles', 'postRoles'],
    oauth2: ['getOauth2Identities', 'getOauth2Providers'],
  })) {
    it(
      `/${part}/doc calls with the cookies of a superuser`,
      stage.visit(DESKTOP, async ({ page, open, context }) => {
        const { email } = await createUser(stage.app, ['superuser']);
        const origin = new URL(stage.app.issuer).origin;
        await context.request.post(`${stage.app.issuer}/auth/login`, {
          data: { email, password: PASSWORD },
          headers: { origin },
        });
        await open(`/${part}/doc`);
        for (const name of tried) {
          const body = name === 'postRoles' ? JSON.stringify({ name: 'tried-out' }) : undefined;
          const status = await tryIt(page.locator(`#operations-${part}-${name}`), body);
          expect(status, name).to.equal(body === undefined ? '200' : '201');
        }
      }),
    );
  }

  it(
    'lead to the document without JavaScript',
    stage.visit({ ...DESKTOP, javaScriptEnabled: false }, async ({ page, open }) => {
      await open('/roles/doc');
      const target = page.getByRole('main').getByRole('link');
      expect(await target.getAttribute('href')).to.equal(
        `${new URL(stage.app.issuer).pathname.replace(/\/$/, '')}/roles/openapi.json`,
      );
    }),
  );
});
