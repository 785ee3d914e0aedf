/** Where keys or settings break at run time, nobody becomes signed in: an error is no user. */
import { generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import type { Route } from '../../src/kernel/route.ts';
import { createAccessTokenVerifier } from '../../src/oidc/access-token.ts';
import { eventually } from '../support/eventually.ts';
import { createRecordingLog } from '../support/log.ts';
import { createUser, login, signedInBrowser } from '../support/people.ts';
import { createStatementHooks } from '../support/statement-hooks.ts';
import { anotherNode, startTestApp, type TestApp } from '../support/test-app.ts';
import { decodeToken, encodePart, signParts } from './forged-token.ts';
import { callRoute, registeredRoutes } from './registered-routes.ts';

const BREAKS: Readonly<Record<string, string>> = {
  'no key can be decrypted': "UPDATE signing_keys SET kid = kid || '-x', private_jwk = 'garbage'",
  'all keys are gone': 'DELETE FROM signing_keys',
};

for (const [name, text] of Object.entries(BREAKS)) {
  describe(`CVE-2026-73421 (next-auth) at run time ${name}`, () => {
    const log = createRecordingLog();
    let app: TestApp;
    let guarded: readonly Route[];
    let token: string;

    const heard = (...events: string[]): boolean =>
      log.entries.some(({ fields }) => events.includes((fields as { event?: string }).event ?? ''));

    before(async () => {
      app = await startTestApp({ log });
      guarded = registeredRoutes(app).routes.filter(({ access }) => access.kind !== 'public');
      const browser = await signedInBrowser(app, await createUser(app, ['superuser']));
      token = (await browser.cookie('authsrv-access')) ?? '';
      await app.database.database.query({ name: 'test-break-keys', text }, []);
      await app.storage.store.publish('keys', 'test');
      // The server keeps what it has, or lets nobody in any more.
      const headers = { authorization: `Bearer ${token}` };
      await eventually(
        async () =>
          heard('signing_key.read_failed', 'signing_key.swap_failed') ||
          (await app.browser().request('/auth/me', { headers })).status !== 200,
      );
    });
    after(() => app.close());

    /** None of them would be let in if the keys were sound; an empty set of keys must not accept them either. */
    const strangers = (): Record<string, Record<string, string>> => {
      const { header, claims } = decodeToken(token);
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
      const { kid: _kid, ...nameless } = header;
      return {
        nobody: {},
        'a token of a key of their own': bearer(signParts(header, claims, privateKey)),
        'one that names no key': bearer(signParts(nameless, claims, privateKey)),
        'an unsigned token': bearer(`${encodePart({ alg: 'none' })}.${encodePart(claims)}.`),
        'a token with its signature cut off': bearer(token.replace(/[^.]*$/, '')),
        'the error of a broken configuration': bearer(
          encodePart({ message: 'There was a problem' }),
        ),
        'an access cookie of an object': { cookie: 'authsrv-access=[object Object]' },
        'made-up session cookies': { cookie: 'authsrv-session=x; authsrv-session.sig=y' },
      };
    };

    it('strangers stay strangers at every route', async () => {
      for (const [who, headers] of Object.entries(strangers())) {
        for (const route of guarded) {
          const { status } = await callRoute(app, route, headers);
          expect(status, `${who}: ${route.method} ${route.path}`).to.be.oneOf([401, 503]);
        }
      }
    });

    it('a sign-in answers as ever or says that it cannot', async () => {
      const { status } = await login(app.browser(), await createUser(app));
      expect(status).to.be.oneOf([200, 500, 503]);
    });

    it('a node that starts then refuses to, or makes keys of its own', async () => {
      const outcome = await anotherNode(app).then(
        (node) => node,
        (error: Error) => error,
      );
      if (outcome instanceof Error) {
        expect(outcome.message).to.include('SECRET_KEY');
        return;
      }
      const { status } = await outcome
        .browser()
        .request('/auth/me', { headers: { authorization: `Bearer ${token}` } });
      await outcome.close();
      expect(status).to.equal(401);
    });
  });
}

describe('CVE-2026-73421 (next-auth) what cannot be looked up', () => {
  const hooks = createStatementHooks();
  let app: TestApp;

  before(async () => {
    app = await startTestApp({ wrapStorage: hooks.wrap });
  });
  after(() => app.close());

  it('is a failure, not a role', async () => {
    const browser = await signedInBrowser(app, await createUser(app));
    hooks.once('before', 'roles-has', () => {
      throw new Error('broken');
    });
    expect((await browser.request('/roles')).status).to.be.oneOf([500, 503]);
    expect((await browser.request('/roles')).status).to.equal(403);
  });

  it('without a key no token holds, and a denylist that fails lets nobody in', async () => {
    const user = await createUser(app, ['superuser']);
    const token = (await (await signedInBrowser(app, user)).cookie('authsrv-access')) ?? '';
    const { claims } = decodeToken(token);
    const parts = {
      issuer: String(claims['iss']),
      apiAudience: [claims['aud']].flat()[0] as string,
      startedAt: 0,
      clock: { now: () => Date.now() },
      denylist: { denies: () => false },
    };
    const keyless = createAccessTokenVerifier({ ...parts, keys: [] });
    expect(await keyless.principal(token)).to.equal(undefined);
    const failing = createAccessTokenVerifier({
      ...parts,
      keys: [],
      denylist: {
        denies: () => {
          throw new Error('broken');
        },
      },
    });
    const outcome = await failing.principal(token).catch(() => undefined);
    expect(outcome).to.equal(undefined);
  });
});
