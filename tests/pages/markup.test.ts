/** Without `form-action`, the form token and escaping protect the forms that lead to other sites (SEC-93, B-01). */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createRenderer } from '../../src/http/render.ts';
import { createVerifiedUser, newPerson } from '../flows/federation/stage.ts';
import { type Locals, viewSamples } from '../http/view-samples.ts';
import { createUser, PASSWORD } from '../support/people.ts';
import { startUpstream, UPSTREAM_CLIENT, type Upstream } from '../support/upstream.ts';
import {
  expectOnlyText,
  MARKED_LABEL,
  MARKED_NAME,
  MARKED_SCOPE,
  MARKED_TEXT,
  planted,
} from './planted.ts';
import { useStage } from './stage.ts';
import type { Visitor } from './visitor.ts';

/** Parameters of an authorization request that pages may print, or put into an answer. */
const MARKED_PARAMS = {
  state: MARKED_TEXT,
  login_hint: MARKED_TEXT,
  ui_locales: MARKED_TEXT,
  acr_values: MARKED_TEXT,
  nonce: MARKED_TEXT,
};

const JAVASCRIPT = { javaScriptEnabled: true };

/** One step, until the page that it leads to is there. */
async function go({ page }: Visitor, step: () => Promise<unknown>): Promise<void> {
  const loaded = page.waitForEvent('load');
  await step();
  await loaded;
}

/** Presses a button whatever the browser thinks of the fields. */
const pressAnyway = (visitor: Visitor, name: string): Promise<void> =>
  go(visitor, async () => {
    await visitor.page.evaluate(
      'for (const form of document.forms) form.noValidate = true; undefined',
    );
    await visitor.press(name);
  });

describe('SEC-93 B-01 markup in every field of pages without form-action', () => {
  const settings: Record<string, string> = {};
  let upstream: Upstream;
  before(async () => {
    upstream = await startUpstream();
    const client = { client_id: UPSTREAM_CLIENT.id, client_secret: UPSTREAM_CLIENT.secret };
    const acme = { id: 'acme', name: MARKED_LABEL, issuer: upstream.issuer, ...client };
    settings['OIDC_PROVIDERS'] = JSON.stringify([acme]);
    settings['API_TITLE'] = MARKED_NAME;
  });
  const stage = useStage({ settings });
  before(() => upstream.open({ redirectUris: [`${stage.app.issuer}/oauth2/acme/callback`] }));
  after(() => upstream.close());

  const audience = (): string => `${stage.app.issuer}/api`;
  const thirdParty = () =>
    stage.relyingParty({
      client_name: MARKED_NAME,
      first_party: false,
      allowed_scopes: [MARKED_SCOPE],
      allowed_resources: [audience()],
    });

  /** An account whose address is markup, as no way in would let it be. */
  const createMarkedUser = async () => {
    const user = await createUser(stage.app);
    return {
      user,
      async mark(): Promise<void> {
        const text = 'UPDATE users SET email = $2 WHERE id = $1';
        await stage.app.database.database.query({ name: 'test-mark', text }, [
          user.id,
          MARKED_TEXT,
        ]);
      },
    };
  };

  it(
    'the browser finds markup that was not escaped',
    stage.visit(JAVASCRIPT, async ({ page }) => {
      await page.setContent(`<p>${MARKED_SCOPE}</p><form action="//x">`);
      expect(await planted(page)).to.have.length.greaterThan(3);
      await page.setContent(`<title>${MARKED_NAME}</title><input value="${MARKED_TEXT}">`);
      expect(await planted(page))
        .to.include('a script ran')
        .and.have.length.greaterThan(5);
    }),
  );

  it(
    'at sign-in and registration: client, provider, login_hint, address and name as typed',
    stage.visit(JAVASCRIPT, async (visitor) => {
      const { page } = visitor;
      await visitor.authorize(await thirdParty(), MARKED_PARAMS);
      await expectOnlyText(page, 'sign-in', [MARKED_NAME, MARKED_LABEL, MARKED_TEXT]);
      await visitor.fill('E-mail', MARKED_TEXT);
      await visitor.fill('Password', MARKED_TEXT);
      await pressAnyway(visitor, 'Sign in');
      expect(await visitor.text()).to.include('E-mail or password is wrong.');
      await expectOnlyText(page, 'wrong', [MARKED_NAME, MARKED_LABEL, MARKED_TEXT]);
      await go(visitor, () => visitor.follow('Create an account'));
      await visitor.page.getByLabel('Name').fill(MARKED_TEXT);
      await visitor.fill('E-mail', MARKED_TEXT);
      await visitor.fill('Password', MARKED_TEXT);
      await pressAnyway(visitor, 'Create account');
      await expectOnlyText(page, 'register', [MARKED_NAME, `${MARKED_TEXT}\n${MARKED_TEXT}`]);
    }),
  );

  it(
    'of who is signed in: consent with the API’s title, choice of an account, proof, sign-out',
    stage.visit(JAVASCRIPT, async (visitor) => {
      const { page } = visitor;
      const rp = await thirdParty();
      const { user, mark } = await createMarkedUser();
      const asked = { scope: `openid ${MARKED_SCOPE}`, resource: audience() };
      await visitor.authorize(rp, { ...MARKED_PARAMS, ...asked });
      await visitor.fill('E-mail', user.email);
      await visitor.fill('Password', PASSWORD);
      await go(visitor, () => visitor.press('Sign in'));
      await mark();
      await go(visitor, () => page.reload());
      expect(await page.title()).to.include(`Allow ${MARKED_NAME}?`);
      const api = `Use ${MARKED_NAME} for you`;
      await expectOnlyText(page, 'consent', [MARKED_NAME, MARKED_SCOPE, MARKED_TEXT, api]);
      for (const prompt of ['select_account', 'login']) {
        await visitor.authorize(rp, { ...MARKED_PARAMS, prompt });
        await expectOnlyText(page, prompt, [MARKED_NAME, MARKED_TEXT]);
      }
      await go(visitor, () => visitor.follow('Use another account'));
      await expectOnlyText(page, 'another account', [MARKED_NAME, MARKED_TEXT]);
      const ask = { client_id: rp.client.client_id, state: MARKED_TEXT, ui_locales: MARKED_TEXT };
      await visitor.open(`/oidc/logout?${new URLSearchParams(ask)}`);
      await expectOnlyText(page, 'sign-out', [MARKED_NAME]);
      await go(visitor, () => visitor.press('Sign out'));
      await expectOnlyText(page, 'signed out', []);
      await visitor.open(`/oidc/logout/success?client_id=${rp.client.client_id}`);
      await expectOnlyText(page, 'signed out of a client', [MARKED_NAME]);
    }),
  );

  it(
    'of other providers: the question, a refusal, an error that came back',
    stage.visit(JAVASCRIPT, async (visitor) => {
      const { page } = visitor;
      const user = await createVerifiedUser(stage.app);
      newPerson(upstream, { email: user.email, name: MARKED_TEXT });
      await visitor.open('/oauth2/acme/authorize');
      await expectOnlyText(page, 'question', [MARKED_LABEL, user.email]);
      await visitor.fill('Password', MARKED_TEXT);
      await go(visitor, () => visitor.press('Connect and sign in'));
      await expectOnlyText(page, 'question again', [MARKED_LABEL, 'The password is wrong.']);
      newPerson(upstream, { email: MARKED_TEXT, name: MARKED_TEXT });
      await visitor.open('/oauth2/acme/authorize');
      await expectOnlyText(page, 'address of nobody', []);
      const marked = new URLSearchParams({ error: MARKED_TEXT, error_description: MARKED_TEXT });
      for (const path of [
        `/oauth2/acme/callback?${marked}&state=${marked.get('error')}`,
        `/oauth2/${encodeURIComponent(MARKED_SCOPE)}/authorize`,
        `/oauth2/acme/authorize?return_to=${encodeURIComponent(MARKED_TEXT)}`,
      ]) {
        await visitor.open(path);
        await expectOnlyText(page, path, ['Auth Service']);
      }
    }),
  );

  it(
    'of an answer by form_post: state and error',
    stage.visit({ javaScriptEnabled: false }, async (visitor) => {
      const params = { ...MARKED_PARAMS, response_mode: 'form_post', prompt: 'none' };
      await visitor.authorize(await thirdParty(), params);
      await expectOnlyText(visitor.page, 'form_post', [MARKED_TEXT, 'login_required']);
    }),
  );

  it(
    'of errors: every parameter that a page may repeat',
    stage.visit(JAVASCRIPT, async (visitor) => {
      const rp = await thirdParty();
      const names = ['client_id', 'redirect_uri', 'response_type', 'scope', 'prompt', 'request'];
      const paths = [
        ...names.map((name) => {
          const bad = { redirect_uri: 'https://evil.example/', [name]: MARKED_TEXT };
          return rp.authorizationUrl({ ...MARKED_PARAMS, ...bad });
        }),
        ...['client_id', 'id_token_hint', 'post_logout_redirect_uri'].map((name) => {
          const good = { client_id: rp.client.client_id };
          return `/oidc/logout?${new URLSearchParams({ ...good, [name]: MARKED_TEXT })}`;
        }),
        `/interaction/${encodeURIComponent(MARKED_SCOPE)}`,
      ];
      for (const path of paths) {
        await visitor.open(path);
        expect(await visitor.page.locator('dl.details').count(), path).to.equal(1);
        await expectOnlyText(visitor.page, path, ['Auth Service']);
      }
    }),
  );

  it(
    'in every text that any view is given: as many elements as with plain texts, and the same',
    stage.visit(JAVASCRIPT, async ({ page }) => {
      const folder = fileURLToPath(new URL('../../views', import.meta.url));
      const productName = 'Auth Service';
      const render = createRenderer({ folder, assetBase: 'data:,', productName });
      const skeleton = async (html: string): Promise<string> => {
        await page.setContent(html.replaceAll(/<(?:link|img)\b[^>]*>/g, '<hr>'));
        return page.evaluate(
          `[...document.querySelectorAll('*')].map((one) => one.tagName + ' ' + one.getAttributeNames()).join('\\n')`,
        );
      };
      for (const [sample, locals] of Object.entries(viewSamples)) {
        const view = sample.split('#')[0] ?? '';
        const [plain, marked] = ['plain', MARKED_TEXT].map((text) =>
          render(view, replaceTexts(locals, text) as Locals),
        );
        expect(await skeleton(marked ?? ''), sample).to.equal(await skeleton(plain ?? ''));
        expect(await planted(page), sample).to.deep.equal([]);
      }
    }),
  );
});

/** The same locals, every text in them replaced. */
function replaceTexts(value: unknown, text: string): unknown {
  if (typeof value === 'string') return text;
  if (Array.isArray(value)) return value.map((item) => replaceTexts(item, text));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, replaceTexts(item, text)]),
  );
}
