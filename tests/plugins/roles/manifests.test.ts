/** Both manifests set up as the server does it, on a real database; their neighbours are played by hand. */
import { expect } from 'chai';
import { z } from 'zod';
import { definePlugin, type Plugin } from '../../../src/kernel/plugin.ts';
import { createRegistry, type SharedContext } from '../../../src/kernel/registry.ts';
import { provide } from '../../../src/kernel/service.ts';
import { noSpan } from '../../../src/kernel/telemetry.ts';
import { knownBrowsers } from '../../../src/plugins/known-browsers/index.ts';
import { RateLimits } from '../../../src/plugins/rate-limit/contract.ts';
import { unlimited } from '../../../src/plugins/rate-limit/service.ts';
import { Revocations } from '../../../src/plugins/revocations/contract.ts';
import { Roles } from '../../../src/plugins/roles/contract.ts';
import { roles } from '../../../src/plugins/roles/index.ts';
import { Sessions } from '../../../src/plugins/sessions/contract.ts';
import { Users } from '../../../src/plugins/users/contract.ts';
import { users } from '../../../src/plugins/users/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/log.ts';
import {
  createFakeRevocations,
  createFakeSessions,
  createRecordingEvents,
  createStandingClock,
  newEmail,
  problemOf,
  random,
} from '../users/users-fixture.ts';

const neighbour = (name: string, setup: Plugin['setup']) =>
  definePlugin({ name, kernel: 1, settings: z.object({}), setup });

describe('the plugins users and roles', () => {
  let test: TestDatabase;

  before(async () => {
    test = await createTestDatabase();
  });
  after(() => test.drop());

  function install(settings: Record<string, string> = {}) {
    const revocations = createFakeRevocations(test.database);
    const sessions = createFakeSessions(revocations);
    const shared: Pick<SharedContext, 'db' | 'clock' | 'random' | 'events' | 'log' | 'span'> & {
      core: Pick<SharedContext['core'], 'publicUrl'>;
      oidc: Pick<SharedContext['oidc'], 'roomForClaims'>;
    } = {
      db: test.database,
      clock: createStandingClock(),
      random,
      events: createRecordingEvents(),
      log: silentLog,
      span: noSpan,
      oidc: { roomForClaims: async () => 2000 },
      core: { publicUrl: new URL('https://login.acme.example') },
    };
    const plugins = [
      neighbour('revocations', () => ({ provides: [provide(Revocations, revocations as never)] })),
      neighbour('sessions', () => ({ provides: [provide(Sessions, sessions as never)] })),
      neighbour('rate-limit', () => ({ provides: [provide(RateLimits, unlimited)] })),
      knownBrowsers,
      users,
      roles,
    ];
    return createRegistry(plugins, shared as SharedContext, settings);
  }

  it('work together from the first start', async () => {
    const registry = install();
    for (const { value: start } of registry.all('start')) await start();
    const user = await registry
      .use(Users)
      .register({ email: newEmail(), password: 'pelican voucher mint' });
    await registry.use(Roles).grant(user.id, 'superuser');
    const client = { clientId: 'client', scopes: new Set<string>(), forApi: true };
    const subject = { userId: user.id, ...client };
    const inTokens = registry
      .all('claims')
      .flatMap(({ value }) => value)
      .filter((source) => source.in.includes('access_token'));
    const claims = await Promise.all(inTokens.map((source) => source.claims(subject)));
    expect(claims).to.deep.equal([{ roles: ['superuser'], roles_ver: 2 }]);
    const [accounts] = registry.all('accounts');
    expect(await accounts?.value.find(user.id)).to.deep.equal({ userId: user.id });
  });

  it('hash as the settings say', async () => {
    const { id } = await install({ ARGON2_MEMORY_KIB: '20000', ARGON2_PASSES: '3' })
      .use(Users)
      .register({ email: newEmail(), password: 'pelican voucher mint' });
    const statement = { name: 'test-hash', text: 'SELECT password_hash FROM users WHERE id = $1' };
    const [row] = await test.database.query<{ password_hash: string }>(statement, [id]);
    expect(row?.password_hash).to.match(/^\$argon2id\$v=19\$m=20000,t=3,p=1\$/);
  });

  it('demand passwords as the settings say, and none with the name of the service', async () => {
    const register = (settings: Record<string, string>, password: string) =>
      problemOf(install(settings).use(Users).register({ email: newEmail(), password }));
    expect(await register({}, 'voucher mint')).to.equal('no problem');
    expect(await register({ PASSWORD_MIN_LENGTH: '15' }, 'voucher mint')).to.equal(
      'users:password-rejected',
    );
    expect(await register({}, 'login.acme.example')).to.equal('users:password-rejected');
  });
});
