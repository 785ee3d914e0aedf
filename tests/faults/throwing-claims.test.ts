import { expect } from 'chai';
import { z } from 'zod';
import type { ClaimSource } from '../../src/kernel/oidc.ts';
import { definePlugin } from '../../src/kernel/plugin.ts';
import { ageRotations } from '../support/ageing.ts';
import { refreshAt, tokensOf } from '../support/cookie-api.ts';
import { createRecordingLog } from '../support/log.ts';
import { ISSUER } from '../support/nodes.ts';
import { signInWithClient } from '../support/signed-in.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

type Mood = 'well' | 'throws' | 'hangs' | 'lies';

/** A third-party plugin whose claims fail as told, one for each place where claims are asked. */
function createMoodyPlugin() {
  const moods: Record<ClaimSource['in'][number], Mood> = { access_token: 'well', account: 'well' };
  const source = (place: ClaimSource['in'][number]): ClaimSource => ({
    names: [`mood_${place}`],
    in: [place],
    async claims() {
      const mood = moods[place];
      if (mood === 'throws') throw new Error('no claims today');
      if (mood === 'hangs') return new Promise(() => undefined);
      return mood === 'lies' ? { never_named: true } : { [`mood_${place}`]: mood };
    },
  });
  const plugin = definePlugin({
    name: 'moody',
    kernel: 1,
    settings: z.object({}),
    setup: () => ({ claims: [source('access_token'), source('account')] }),
  });
  return { plugin, moods };
}

for (const store of storeKinds) {
  describe(`claims that fail burn no refresh token (SEC-45, I1, I5), state store on ${store}`, () => {
    const { plugin, moods } = createMoodyPlugin();
    const log = createRecordingLog();
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store, origin: ISSUER, plugins: [plugin], log });
    });
    after(() => app?.close());
    afterEach(() => {
      Object.assign(moods, { access_token: 'well', account: 'well' });
    });

    const signedIn = async () => {
      const { oidc, ...person } = await signInWithClient(app);
      return { ...person, refresh: oidc.refresh };
    };

    const mend = async (userId: string): Promise<void> => {
      Object.assign(moods, { access_token: 'well', account: 'well' });
      // Had a token been used up, it would count as replayed now.
      await ageRotations(app, userId, 60);
    };

    const expectUnavailable = (answer: { status: number; headers: Headers }): void => {
      expect(answer.status).to.equal(503);
      expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
      const failures = log.entries.splice(0).flatMap(({ level, fields }) => {
        const { err } = fields as { err?: unknown };
        return level === 'warn' && err instanceof Error ? [String(err), String(err.cause)] : [];
      });
      expect(failures.join()).to.include('plugin moody');
    };

    for (const mood of ['throws', 'hangs', 'lies'] as const) {
      it(`cookie API: the token is as good as before when a source ${mood}`, async () => {
        const { user, cookies } = await signedIn();
        moods.access_token = mood;
        const failed = await refreshAt(app, cookies.refresh);
        expectUnavailable(failed);
        expect(failed.setCookies).to.deep.equal([]);
        await mend(user.id);
        const next = tokensOf(await refreshAt(app, cookies.refresh));
        expect((await refreshAt(app, next.refresh)).status).to.equal(200);
      });

      // The cookie API has no ID token, so asks for no claims of the account.
      for (const place of ['access_token', 'account'] as const) {
        it(`/oidc/token: the same when a source of ${place} claims ${mood}`, async () => {
          const { user, rp, refresh } = await signedIn();
          moods[place] = mood;
          const failed = await rp.refresh(refresh);
          expectUnavailable(failed);
          expect(failed.body).not.to.have.any.keys('access_token', 'refresh_token');
          await mend(user.id);
          const next = await rp.refresh(refresh);
          expect((await rp.refresh(next.body.refresh_token ?? '')).status).to.equal(200);
        });
      }
    }
  });
}
