/** Who sends the requests of the contract test: people whose sessions and accounts some of them end. */
import { randomUUID } from 'node:crypto';
import { Consents } from '../../src/plugins/consent/contract.ts';
import { Roles } from '../../src/plugins/roles/contract.ts';
import { createUser, login, PASSWORD } from '../support/people.ts';
import { createRelyingParty } from '../support/relying-party.ts';
import type { TestApp } from '../support/test-app.ts';
import type { FuzzRequest } from './fuzz-requests.ts';

export interface Actor {
  readonly id: string;
  readonly email: string;
  readonly access: string;
  /** All cookies of a sign-in. */
  readonly cookie: string;
  readonly session: string;
}

export type Cast = Awaited<ReturnType<typeof createCast>>;

export async function createCast(app: TestApp) {
  const rp = await createRelyingParty(app, {
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  });
  // Somebody nobody signs in as, so that requests may end every other superuser.
  await createUser(app, ['superuser']);
  const actors = new Map<string, Promise<Actor>>();
  let target = await createUser(app);
  let spareUser = await createUser(app);

  const enter = async (roles: readonly string[]): Promise<Actor> => {
    const user = await createUser(app, roles);
    await app.app
      .use(Consents)
      .allow(user.id, rp.client.client_id, { scopes: ['openid'], resources: [] });
    const browser = app.browser();
    const answer = await login(browser, user);
    const access = (await browser.cookie('authsrv-access')) ?? '';
    const [, payload = ''] = access.split('.');
    const { sid } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string };
    const cookie = answer.setCookies.map((text) => text.split(';')[0]).join('; ');
    return { id: user.id, email: user.email, access, cookie, session: sid };
  };

  const actor = (name: FuzzRequest['actor']): Promise<Actor> => {
    const found = actors.get(name) ?? enter(name === 'superuser' ? ['superuser'] : []);
    actors.set(name, found);
    return found;
  };

  const newRole = async (): Promise<string> =>
    (await app.app.use(Roles).create({ name: `role-${randomUUID()}` })).id;
  const roleId = await newRole();
  let spareRole = await newRole();

  return {
    actor,
    /** The session has ended: somebody else comes. */
    leaves(name: FuzzRequest['actor'], left: Actor) {
      const current = actors.get(name);
      void current?.then(({ session }) => {
        if (session === left.session && actors.get(name) === current) actors.delete(name);
      });
    },
    /** What requests have disabled or deleted is replaced. */
    async refill(): Promise<void> {
      spareRole = await newRole();
      target = await createUser(app);
      spareUser = await createUser(app);
    },
    /** Replaces what stands in double braces. */
    fill: (text: string, { id, email, access, session }: Actor): string => {
      const values: Record<string, string | undefined> = {
        email,
        password: PASSWORD,
        access,
        session,
        self: id,
        target: target.id,
        role: roleId,
        spare_user: spareUser.id,
        spare_role: spareRole,
        client_id: rp.client.client_id,
        redirect_uri: rp.redirectUri,
        basic: Buffer.from(`${rp.client.client_id}:${rp.secret}`).toString('base64'),
      };
      return text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole);
    },
  };
}
