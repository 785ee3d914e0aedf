import { expect } from 'chai';
import { Users } from '../../../src/plugins/users/contract.ts';
import type { Browser } from '../../support/browser.ts';
import { meAt, refreshAt, type Tokens, tokensOf, userinfoAt } from '../../support/cookie-api.ts';
import { eventually } from '../../support/eventually.ts';
import type { Node } from '../../support/nodes.ts';
import { createUser, login } from '../../support/people.ts';
import { codeOf, createRelyingParty, errorOf } from '../../support/relying-party.ts';
import { createStatementHooks } from '../../support/statement-hooks.ts';
import { storeKinds } from '../../support/test-app.ts';
import { useNodes } from '../../support/use-nodes.ts';

/** Milliseconds until every node knows of an ended session. */
const KNOWN = 1_000;

for (const store of storeKinds) {
  describe(`racing an end of the session (I2), state store on ${store}`, () => {
    const hooks = createStatementHooks();
    const nodes = useNodes(store, { wrapStorage: hooks.wrap });

    const everywhere = (): readonly Node[] => [nodes.local, ...nodes.processes];

    /** A user in a browser, and a client signed in through it. */
    const signedIn = async () => {
      const user = await createUser(nodes.local);
      const browser = nodes.local.browser();
      const cookies = tokensOf(await login(browser, user));
      const rp = await createRelyingParty(nodes.local);
      return { user, browser, cookies, rp };
    };

    type Person = Awaited<ReturnType<typeof signedIn>>;

    const authorized = async ({ rp, browser }: Person): Promise<string> =>
      codeOf(await rp.authorize(browser));

    const clientTokens = async (person: Person): Promise<Tokens> => {
      const { body } = await person.rp.redeem(await authorized(person));
      return { access: body.access_token ?? '', refresh: body.refresh_token ?? '' };
    };

    /** Signs out through another node than the one that is busy; resolves when that is acknowledged. */
    const logout = async (browser: Browser): Promise<void> => {
      const cookie = await browser.jar.getCookieString(nodes.local.issuer);
      const { status } = await nodes.processes[0].browser().request('/auth/logout', {
        method: 'POST',
        anonymous: true,
        headers: { cookie },
      });
      expect(status).to.equal(204);
    };

    const disable = (userId: string) => nodes.local.app.use(Users).disable(userId);

    const expectSignedOut = async ({ rp, browser }: Person): Promise<void> => {
      expect(errorOf(await rp.authorize(browser, { prompt: 'none' }))).to.equal('login_required');
    };

    const refusedBy = (nodes: readonly Node[], call: (node: Node) => Promise<{ status: number }>) =>
      Promise.all(
        nodes.map((node) => eventually(async () => (await call(node)).status === 401, KNOWN)),
      );

    const expectDeadCookies = async ({ access, refresh }: Tokens): Promise<void> => {
      await refusedBy(everywhere(), (node) => meAt(node, access));
      await refusedBy(everywhere(), (node) => refreshAt(node, refresh));
    };

    const expectDeadTokens = async ({ rp }: Person, { access, refresh }: Tokens) => {
      await refusedBy(everywhere(), (node) => userinfoAt(node, access));
      for (const node of everywhere()) {
        expect((await rp.refresh(refresh, {}, node)).body.error).to.equal('invalid_grant');
      }
    };

    for (const moment of ['before', 'after'] as const) {
      it(`a cookie refresh caught ${moment} its rotation leaves nothing that works`, async () => {
        const person = await signedIn();
        const hold = hooks.hold(moment, 'grants-rotate');
        const refreshing = refreshAt(nodes.local, person.cookies.refresh);
        await hold.reached;
        await logout(person.browser);
        hold.release();
        const answer = await refreshing;
        expect(answer.status).to.equal(moment === 'before' ? 401 : 200);
        if (answer.status === 200) await expectDeadCookies(tokensOf(answer));
        await expectDeadCookies(person.cookies);
        await expectSignedOut(person);
      });

      it(`a client’s refresh caught ${moment} its rotation leaves nothing that works`, async () => {
        const person = await signedIn();
        const tokens = await clientTokens(person);
        const hold = hooks.hold(moment, 'grants-rotate');
        const refreshing = person.rp.refresh(tokens.refresh);
        await hold.reached;
        await logout(person.browser);
        hold.release();
        const { status, body } = await refreshing;
        expect(status).to.equal(moment === 'before' ? 400 : 200);
        const { access_token: access = '', refresh_token: refresh = '' } = body;
        if (status === 200) await expectDeadTokens(person, { access, refresh });
        await expectDeadTokens(person, tokens);
      });

      it(`a code caught ${moment} its redemption leaves nothing that works`, async () => {
        const person = await signedIn();
        const code = await authorized(person);
        const hold = hooks.hold(moment, 'grants-redeem');
        const redeeming = person.rp.redeem(code);
        await hold.reached;
        await logout(person.browser);
        hold.release();
        const { status, body } = await redeeming;
        expect(status).to.equal(moment === 'before' ? 400 : 200);
        const { access_token: access = '', refresh_token: refresh = '' } = body;
        if (status === 200) await expectDeadTokens(person, { access, refresh });
      });

      it(`an authorization caught ${moment} its grant leaves nothing that works`, async () => {
        const person = await signedIn();
        const hold = hooks.hold(moment, 'grants-insert');
        const authorizing = person.rp.authorize(person.browser, { prompt: 'none' });
        await hold.reached;
        await logout(person.browser);
        hold.release();
        const code = (await authorizing).location?.searchParams.get('code');
        const { body } = await person.rp.redeem(code ?? 'none');
        expect(body.error).to.equal('invalid_grant');
      });

      it(`a refresh caught ${moment} its rotation gives a disabled user nothing`, async () => {
        const person = await signedIn();
        const hold = hooks.hold(moment, 'grants-rotate');
        const refreshing = refreshAt(nodes.local, person.cookies.refresh);
        await hold.reached;
        await disable(person.user.id);
        hold.release();
        const answer = await refreshing;
        expect(answer.status).to.equal(moment === 'before' ? 401 : 200);
        const tokens = answer.status === 200 ? tokensOf(answer) : person.cookies;
        await refusedBy(everywhere(), (node) => rename(node, tokens.access));
        await expectDeadCookies(tokens);
        // What has ended stays so when the person may sign in again.
        await nodes.local.app.use(Users).enable(person.user.id);
        await expectDeadCookies(tokens);
        await expectSignedOut(person);
      });
    }

    it('a client’s refresh caught after its rotation gives a disabled user nothing', async () => {
      const person = await signedIn();
      const tokens = await clientTokens(person);
      const hold = hooks.hold('after', 'grants-rotate');
      const refreshing = person.rp.refresh(tokens.refresh);
      await hold.reached;
      await disable(person.user.id);
      hold.release();
      const { access_token: access = '', refresh_token: refresh = '' } = (await refreshing).body;
      await nodes.local.app.use(Users).enable(person.user.id);
      await expectDeadTokens(person, { access, refresh });
    });

    it('a sign-in that comes to its session too late gives a disabled user none', async () => {
      const user = await createUser(nodes.local);
      const hold = hooks.hold('before', 'sessions-insert');
      const signingIn = login(nodes.local.browser(), user);
      await hold.reached;
      await disable(user.id);
      hold.release();
      expect((await signingIn).status).to.equal(401);
    });

    it('a sign-in that has its session just before gives a disabled user nothing', async () => {
      const user = await createUser(nodes.local);
      const hold = hooks.hold('after', 'sessions-insert');
      const signingIn = login(nodes.local.browser(), user);
      await hold.reached;
      const isDisabling = hooks.hold('before', 'users-disable');
      isDisabling.release();
      const disabling = disable(user.id);
      await isDisabling.reached;
      hold.release();
      const answer = await signingIn;
      await disabling;
      await nodes.local.app.use(Users).enable(user.id);
      if (answer.status === 200) await expectDeadCookies(tokensOf(answer));
      else expect(answer.status).to.equal(401);
    });

    it('20 refreshes against one logout, five times: nothing survives it', async function () {
      this.timeout(60_000);
      for (let round = 0; round < 5; round += 1) {
        const person = await signedIn();
        const { refresh } = person.cookies;
        const refreshing = Array.from({ length: 20 }, (_, index) =>
          refreshAt(everywhere()[index % 3] as Node, refresh),
        );
        await Promise.any(refreshing);
        await logout(person.browser);
        const answers = await Promise.all(refreshing);
        const refused = answers.filter(({ status }) => status !== 200);
        expect(refused.every(({ status }) => status === 401)).to.equal(true);
        const given = answers.filter(({ status }) => status === 200).map(tokensOf);
        expect(new Set(given.map((tokens) => tokens.refresh))).to.have.property('size', 1);
        if (given[0]) await expectDeadCookies(given[0]);
        await expectSignedOut(person);
      }
    });
  });
}

/** A route of ours that takes the token's word for who calls. */
const rename = (node: Node, access: string) =>
  node.browser().request('/auth/me', {
    method: 'PATCH',
    anonymous: true,
    headers: { authorization: `Bearer ${access}` },
    json: { name: 'Somebody Else' },
  });
