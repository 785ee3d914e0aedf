import { expect } from 'chai';
import { createKnownBrowserModel } from '../../../src/plugins/known-browsers/model.ts';
import { createKnownBrowsers, LIFETIME } from '../../../src/plugins/known-browsers/service.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createRecordingLog } from '../../support/log.ts';
import {
  createStandingClock,
  createUsersFixture,
  newEmail,
  PASSWORD,
  random,
} from '../users/users-fixture.ts';

describe('D5 known browsers', () => {
  let test: TestDatabase;
  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  function install() {
    const clock = createStandingClock();
    const log = createRecordingLog();
    const model = createKnownBrowserModel(test.database);
    const service = createKnownBrowsers({ browsers: model, clock, random, log });
    const users = createUsersFixture({ db: test.database });
    const newUser = () => users.service.register({ email: newEmail(), password: PASSWORD });
    /** A jar of one cookie. */
    const newBrowser = () => {
      const jar: { known?: string | undefined } = {};
      const request = { cookie: () => jar.known };
      return {
        jar,
        signIn: async (user: { id: string; credentialsVersion?: number }): Promise<void> => {
          clock.time += 1000;
          const [cookie] = await service.remember(user, request);
          if (cookie) jar.known = cookie.value;
        },
        knows: async () =>
          (await service.accounts(request)).map(({ id, userId, email }) => ({ id, userId, email })),
      };
    };
    return { clock, log, model, service, newUser, newBrowser };
  }

  const idsOf = (accounts: readonly { readonly userId: string }[]): string[] =>
    accounts.map(({ userId }) => userId);

  it('stores the hash of a random value of 256 bits, and nothing that gives it away', async () => {
    const { newUser, newBrowser } = install();
    const browser = newBrowser();
    await browser.signIn(await newUser());
    const value = browser.jar.known ?? '';
    expect(Buffer.from(value, 'base64url')).to.have.lengthOf(32);
    const [rows] = await test.database.orm.query(
      "SELECT encode(token_hash, 'base64') AS hash, token_hash FROM known_browsers",
    );
    expect(rows).to.have.lengthOf(1);
    expect(JSON.stringify(rows)).to.not.include(value);
  });

  it('keep their value for whom they know, and get another one with a further account', async () => {
    const { newUser, newBrowser } = install();
    const [ada, bob] = [await newUser(), await newUser()];
    const browser = newBrowser();
    await browser.signIn(ada);
    const first = browser.jar.known;
    const [before] = await browser.knows();
    await browser.signIn(ada);
    expect(browser.jar.known).to.equal(first);
    await browser.signIn(bob);
    expect(browser.jar.known).to.not.equal(first);
    expect(idsOf(await browser.knows())).to.have.members([ada.id, bob.id]);
    expect(await browser.knows()).to.deep.include(before);
    const copy = newBrowser();
    copy.jar.known = first;
    expect(await copy.knows()).to.deep.equal([]);
  });

  it('are ten for an account, also when thirty sign in at once; the one unused longest goes', async () => {
    const { newUser, newBrowser } = install();
    const user = await newUser();
    const early = [newBrowser(), newBrowser()] as const;
    for (const browser of early) await browser.signIn(user);
    const late = Array.from({ length: 8 }, () => newBrowser());
    for (const browser of late) await browser.signIn(user);
    await early[0].signIn(user);
    const eleventh = newBrowser();
    await eleventh.signIn(user);
    expect(await early[1].knows()).to.deep.equal([]);
    for (const browser of [early[0], ...late, eleventh]) {
      expect(idsOf(await browser.knows())).to.deep.equal([user.id]);
    }
    await Promise.all(Array.from({ length: 30 }, () => newBrowser().signIn(user)));
    const [rows] = await test.database.orm.query(
      `SELECT id FROM known_browsers WHERE user_id = '${user.id}'`,
    );
    expect(rows).to.have.lengthOf(10);
  });

  it('know ten accounts, those used last', async () => {
    const { newUser, newBrowser } = install();
    const browser = newBrowser();
    const users = [];
    for (let count = 0; count < 12; count += 1) {
      const user = await newUser();
      users.push(user.id);
      await browser.signIn(user);
    }
    expect(idsOf(await browser.knows())).to.have.members(users.slice(2));
  });

  it('are forgotten once unused for 400 days', async () => {
    const { newUser, newBrowser, clock, model } = install();
    const user = await newUser();
    const browser = newBrowser();
    await browser.signIn(user);
    clock.time += LIFETIME * 1000 - 1;
    expect(await browser.knows()).to.have.lengthOf(1);
    clock.time += 1;
    expect(await browser.knows()).to.deep.equal([]);
    clock.time += 1;
    expect(await model.exportOf(user.id)).to.have.lengthOf(1);
    await model.deleteUnused(new Date(clock.time - LIFETIME * 1000), 100);
    expect(await model.exportOf(user.id)).to.deep.equal([]);
  });

  it('are no longer made by a sign-in with former credentials, and its failure is told in the log', async () => {
    const { newUser, newBrowser, service, log } = install();
    const { id, credentialsVersion } = await newUser();
    const browser = newBrowser();
    await browser.signIn({ id, credentialsVersion: credentialsVersion - 1 });
    expect(browser.jar.known).to.equal(undefined);
    const noUuid = await service.remember({ id: 'nobody' }, { cookie: () => undefined });
    expect(noUuid).to.deep.equal([]);
    expect(log.entries.map(({ fields }) => fields)).to.have.lengthOf(1);
    expect(log.entries[0]?.fields).to.include({ event: 'known_browser.not_remembered' });
  });
});
