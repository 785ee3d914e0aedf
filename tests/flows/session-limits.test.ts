import { expect } from 'chai';
import { Sessions } from '../../src/plugins/sessions/contract.ts';
import { createHousekeeping } from '../../src/plugins/sessions/housekeeping.ts';
import { createSessionModel } from '../../src/plugins/sessions/model.ts';
import { systemClock } from '../../src/system.ts';
import { ageSessions } from '../support/ageing.ts';
import type { Browser } from '../support/browser.ts';
import { createUser, login, signedInBrowser } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import { startTestApp, storeKinds, type TestApp } from '../support/test-app.ts';

const LIMIT = 3;

interface Listed {
  readonly id: string;
  readonly current: boolean;
}

const sessionsOf = async (browser: Browser): Promise<Listed[]> =>
  (await browser.request('/auth/sessions')).json<{ sessions: Listed[] }>().sessions;

const statusOf = async (browser: Browser): Promise<number> =>
  (await browser.request('/auth/me')).status;

for (const store of storeKinds) {
  describe(`SEC-85 limits of sessions, state store on ${store}`, () => {
    let app: TestApp;
    before(async () => {
      app = await startTestApp({ store, settings: { SESSIONS_PER_USER: String(LIMIT) } });
    });
    after(() => app.close());

    const keepHouse = () =>
      createHousekeeping({
        sessions: createSessionModel(app.storage.db),
        end: app.app.use(Sessions).end,
        clock: systemClock,
        idleTtl: 1_209_600,
        lifetime: 7_776_000,
      })();

    it('a further sign-in ends the session that was unused longest', async () => {
      const user = await createUser(app);
      const first = await signedInBrowser(app, user);
      const second = await signedInBrowser(app, user);
      const third = await signedInBrowser(app, user);
      const [oldest] = (await sessionsOf(second)).filter(({ current }) => current);
      await ageSessions(app, oldest?.id ?? '', 120);
      const fourth = await signedInBrowser(app, user);
      expect(await Promise.all([first, second, third, fourth].map(statusOf))).to.deep.equal([
        200, 401, 200, 200,
      ]);
      expect((await second.request('/auth/refresh', { method: 'POST' })).status).to.equal(401);
    });

    it('holds under 12 parallel sign-ins', async () => {
      const user = await createUser(app);
      const browsers = Array.from({ length: 12 }, () => app.browser());
      // One that is evicted before its sign-in is complete is refused.
      const answers = await Promise.all(browsers.map((browser) => login(browser, user)));
      expect(answers.map(({ status }) => status)).to.include(200);
      for (const { status } of answers) expect(status).to.be.oneOf([200, 401]);
      const last = await signedInBrowser(app, user);
      const statuses = await Promise.all(browsers.map(statusOf));
      expect(statuses.filter((status) => status === 200).length).to.be.below(LIMIT);
      expect(await sessionsOf(last)).to.have.length.at.most(LIMIT);
    });

    it('neither lists nor keeps a session that went unused for SESSION_IDLE_TTL', async () => {
      const user = await createUser(app);
      const idle = await signedInBrowser(app, user);
      const used = await signedInBrowser(app, user);
      const [row] = (await sessionsOf(idle)).filter(({ current }) => current);
      const id = row?.id ?? '';
      await ageSessions(app, id, 1_209_600 + 120);
      expect((await sessionsOf(used)).map((session) => session.id)).to.not.include(id);
      await keepHouse();
      expect(await statusOf(idle)).to.equal(401);
      expect(await statusOf(used)).to.equal(200);
    });

    it('counts a refresh and a sign-in at a client as use', async () => {
      const user = await createUser(app);
      const browser = await signedInBrowser(app, user);
      const lastSeen = async (): Promise<string> => {
        const answer = await browser.request('/auth/sessions');
        return answer.json<{ sessions: { last_seen: string }[] }>().sessions[0]?.last_seen ?? '';
      };
      const [row] = await sessionsOf(browser);
      const rp = await createRelyingParty(app);
      const uses = [
        () => browser.request('/auth/refresh', { method: 'POST' }),
        () => rp.authorize(browser, { prompt: 'none' }),
      ];
      for (const use of uses) {
        await ageSessions(app, row?.id ?? '', 600);
        const before = await lastSeen();
        await use();
        expect(Date.parse(await lastSeen())).to.be.greaterThan(Date.parse(before) + 500_000);
      }
    });

    it('forgets sessions that ended 30 days ago, and keeps the login history', async () => {
      const user = await createUser(app);
      const gone = await signedInBrowser(app, user);
      const [row] = await sessionsOf(gone);
      await gone.request('/auth/logout', { method: 'POST' });
      await ageSessions(app, row?.id ?? '', 31 * 86_400);
      await keepHouse();
      const statement = { name: 'test-session', text: 'SELECT id FROM sessions WHERE id = $1' };
      expect(await app.storage.db.query(statement, [row?.id])).to.deep.equal([]);
      const browser = await signedInBrowser(app, user);
      const { logins } = (await browser.request('/auth/login-history')).json<{
        logins: unknown[];
      }>();
      expect(logins).to.have.length(2);
    });
  });
}
