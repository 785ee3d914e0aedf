/** Roles and users on a real database, with revocations and sessions played by hand. */
import type { Database } from '../../../src/kernel/store.ts';
import { createRoleModel } from '../../../src/plugins/roles/model.ts';
import { createRoleService } from '../../../src/plugins/roles/service.ts';
import type { User } from '../../../src/plugins/users/contract.ts';
import {
  createRecordingEvents,
  createUsersFixture,
  newEmail,
  PASSWORD,
  random,
} from '../users/users-fixture.ts';

export function createRolesFixture(db: Database) {
  const users = createUsersFixture({ db });
  const events = createRecordingEvents();
  const model = createRoleModel(db);
  /** Of role claims in a token. */
  const room = { bytes: 2000 };
  const roles = createRoleService({
    roles: model,
    users: users.service,
    revocations: users.revocations,
    events,
    clock: users.clock,
    random,
    room: async () => room.bytes,
  });
  return {
    room,
    roles,
    model,
    users: users.service,
    clock: users.clock,
    denied: users.revocations.denied,
    emitted: events.emitted,
    /** Of a verified address, unless told otherwise. */
    async register(emailVerified = true): Promise<User> {
      const prepared = await users.service.prepare({ email: newEmail(), password: PASSWORD });
      const user = await users.service.create(prepared, { emailVerified });
      if (!user) throw new Error('the address is taken');
      return user;
    },
    rolesVersion: async (id: string) => (await users.service.find(id))?.rolesVersion,
  };
}

export type RolesFixture = ReturnType<typeof createRolesFixture>;
