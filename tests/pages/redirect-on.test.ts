/** A callback need not be the end of a redirect chain, and Chromium holds `form-action` against all of it. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { NewClient } from '../../src/plugins/clients/contract.ts';
import { Users } from '../../src/plugins/users/contract.ts';
import { createVerifiedUser } from '../flows/federation/stage.ts';
import { createUser, createUserNamed, PASSWORD } from '../support/people.ts';
import { createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { type RelyingPartySite, startRelyingPartySite } from './relying-party-site.ts';
import { BROWSERS, type Stage, useStage } from './stage.ts';
import type { Visitor } from './visitor.ts';

/** Scripts make no difference to it, but for form_post. */
const PHONE = BROWSERS['on a phone, without JavaScript'] ?? {};

/** A client whose addresses all redirect on. */
const goingOn = (stage: Stage, metadata: Partial<NewClient> = {}): Promise<RelyingParty> => {
  const { redirectUri, postLogoutRedirectUri } = stage.site.goingOn;
  return stage.relyingParty({
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: [postLogoutRedirectUri],
    ...metadata,
  });
};

/** The browser is where the callback sent it on to; answers with what it has in its address. */
async function isHome(visitor: Visitor, { site }: Pick<Stage, 'site'>, path = '/callback') {
  const { origin, params, ...arrival } = await visitor.arrives();
  const { home } = site.goingOn;
  expect(new URL(visitor.page.url()).origin).to.equal(home);
  expect({ ...arrival, origin }).to.deep.equal({ method: 'GET', origin: home, path });
  return params;
}

describe('B-01 callbacks that redirect on', () => {
  const stage = useStage();

  it(
    'B-01 at sign-in, also after a wrong password, and when asked to prove it again',
    stage.visit(PHONE, async (visitor) => {
      const rp = await goingOn(stage);
      const user = await createUser(stage.app);
      await visitor.authorize(rp);
      await visitor.signIn(user, 'not the password');
      await visitor.sees('Sign in', 401);
      await visitor.signIn(user);
      expect(await isHome(visitor, stage)).to.have.property('code');
      await visitor.authorize(rp, { prompt: 'login' });
      await visitor.fill('Password', PASSWORD);
      await visitor.press('Continue');
      expect(await isHome(visitor, stage)).to.have.property('code');
    }),
  );

  it(
    'B-01 from registration over the consent page: "Allow", and later "Deny"',
    stage.visit(PHONE, async (visitor) => {
      const rp = await goingOn(stage, { first_party: false });
      await visitor.authorize(rp);
      await visitor.follow('Create an account');
      await visitor.fill('E-mail', `new-${randomUUID()}@example.com`);
      await visitor.fill('Password', PASSWORD);
      await visitor.press('Create account');
      await visitor.sees('Allow Test App to use your account?');
      await visitor.press('Allow');
      expect(await isHome(visitor, stage)).to.have.property('code');
      await visitor.authorize(rp, { prompt: 'consent' });
      await visitor.press('Deny');
      expect(await isHome(visitor, stage)).to.include({ error: 'access_denied' });
    }),
  );

  it(
    'B-01 at "Back to Test App", and from the choice of an account',
    stage.visit(PHONE, async (visitor) => {
      const rp = await goingOn(stage);
      await visitor.authorize(rp);
      await visitor.press('Back to Test App');
      expect(await isHome(visitor, stage)).to.include({ error: 'access_denied' });
      const [one, other] = [await createUser(stage.app), await createUser(stage.app)];
      await visitor.authorize(rp);
      await visitor.signIn(one);
      await isHome(visitor, stage);
      await visitor.authorize(rp, { prompt: 'select_account' });
      await visitor.press(`Continue as ${one.email}`);
      expect(await isHome(visitor, stage)).to.have.property('code');
      await visitor.authorize(rp, { prompt: 'select_account' });
      await visitor.press('Use another account');
      await visitor.signIn(other);
      expect(await isHome(visitor, stage)).to.have.property('code');
    }),
  );

  it(
    'B-01 at "Sign out" and "Stay signed in", and where nobody is signed in',
    stage.visit(PHONE, async (visitor) => {
      const rp = await goingOn(stage);
      await visitor.authorize(rp);
      await visitor.signIn(await createUser(stage.app));
      await isHome(visitor, stage);
      const ask = new URLSearchParams({
        client_id: rp.client.client_id,
        post_logout_redirect_uri: stage.site.goingOn.postLogoutRedirectUri,
        state: 'bye',
      });
      for (const answer of ['Stay signed in', 'Sign out', 'Sign out']) {
        await visitor.open(`/oidc/logout?${ask}`);
        await visitor.sees('Sign out?');
        await visitor.press(answer);
        expect(await isHome(visitor, stage, '/signed-out')).to.deep.equal({ state: 'bye' });
      }
    }),
  );

  for (const [browser, options] of Object.entries(BROWSERS)) {
    it(
      `B-01 with response_mode=form_post, for a code and for an error, ${browser}`,
      stage.visit(options, async (visitor) => {
        const rp = await goingOn(stage);
        const press = async () => {
          if (options.javaScriptEnabled === false) await visitor.press('Continue');
        };
        await visitor.authorize(rp, { response_mode: 'form_post' });
        await visitor.signIn(await createUser(stage.app));
        await press();
        expect(await isHome(visitor, stage)).to.have.property('code');
        await visitor.authorize(rp, { response_mode: 'form_post', max_age: '0', prompt: 'none' });
        await press();
        expect(await isHome(visitor, stage)).to.include({ error: 'login_required' });
      }),
    );
  }
});

describe('B-01 registration by mail, and a callback that redirects on', () => {
  const stage = useStage({ settings: { REGISTRATION: 'strict' } });

  it(
    'B-01 from "Check your mail" back to the sign-in and home',
    stage.visit(PHONE, async (visitor) => {
      await visitor.authorize(await goingOn(stage));
      await visitor.follow('Create an account');
      await visitor.fill('E-mail', `new-${randomUUID()}@example.com`);
      const password = visitor.page.getByLabel('Password', { exact: true });
      if ((await password.count()) > 0) await password.fill(PASSWORD);
      await visitor.press('Create account');
      await visitor.sees('Check your mail');
      await visitor.follow('Sign in');
      await visitor.sees('Sign in');
      await visitor.signIn(await createUser(stage.app));
      expect(await isHome(visitor, stage)).to.have.property('code');
    }),
  );
});

describe('B-01 federation with a server of ours as the provider', () => {
  const settings: Record<string, string> = {};
  let provider: TestApp;
  /** At an origin that our front ends have. */
  let site: RelyingPartySite;
  before(async () => {
    [provider, site] = await Promise.all([startTestApp(), startRelyingPartySite()]);
    // Native, so that the port of the server that is its client need not be known yet (RFC 8252 §7.3).
    const { client, secret = '' } = await createRelyingParty(provider, {
      client_name: 'The other server',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/oauth2/ours/callback'],
    });
    const { client_id } = client;
    const ours = { id: 'ours', name: 'Ours', issuer: provider.issuer };
    settings['OIDC_PROVIDERS'] = JSON.stringify([{ ...ours, client_id, client_secret: secret }]);
    settings['CORS_ORIGINS'] = site.origin;
  });
  const stage = useStage({ settings });
  after(async () => {
    await Promise.all([provider.close(), site.close()]);
  });

  /** At the provider's pages: signs in and allows. */
  const answerProvider = async (visitor: Visitor, email: string): Promise<void> => {
    await visitor.fill('E-mail', email);
    await visitor.fill('Password', PASSWORD);
    await visitor.press('Sign in');
    await visitor.press('Allow');
  };

  const returnTo = (): string =>
    `/oauth2/ours/authorize?${new URLSearchParams({ return_to: site.goingOn.redirectUri })}`;

  it(
    'B-01 over our callback to the relying party and on',
    stage.visit(PHONE, async (visitor) => {
      await visitor.authorize(await goingOn(stage));
      await visitor.follow('Continue with Ours');
      await answerProvider(visitor, (await createVerifiedUser(provider)).email);
      expect(await isHome(visitor, stage)).to.have.property('code');
    }),
  );

  it(
    'B-01 over our callback to return_to and on',
    stage.visit(PHONE, async (visitor) => {
      await visitor.open(returnTo());
      await answerProvider(visitor, (await createVerifiedUser(provider)).email);
      await isHome(visitor, { site });
    }),
  );

  it(
    'B-01 from the question whether two accounts are one person’s, alone and inside a request',
    stage.visit(PHONE, async (visitor) => {
      const connect = async (): Promise<void> => {
        const { email } = await createVerifiedUser(stage.app);
        const there = await createUserNamed(provider, email);
        await provider.storage.db.transaction((transaction) =>
          provider.app.use(Users).verifyEmail(there.id, email, transaction),
        );
        await answerProvider(visitor, email);
        await visitor.sees('Connect your account?');
        await visitor.fill('Password', PASSWORD);
        await visitor.press('Connect and sign in');
      };
      await visitor.open(returnTo());
      await connect();
      await isHome(visitor, { site });
      await visitor.context.clearCookies();
      await visitor.authorize(await goingOn(stage));
      await visitor.follow('Continue with Ours');
      await connect();
      expect(await isHome(visitor, stage)).to.have.property('code');
    }),
  );
});
