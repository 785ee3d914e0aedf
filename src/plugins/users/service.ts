import type { UserService } from './contract.ts';
import { readEmailAddress, searchedParts } from './email-address.ts';
import type { ProfileChanges } from './model.ts';
import { problems } from './problems.ts';
import { parseProfile } from './profile.ts';
import { type AuthenticateDependencies, createAuthenticate } from './service/authenticate.ts';
import { createChangeEmail } from './service/change-email.ts';
import {
  type ChangePasswordDependencies,
  createChangePassword,
} from './service/change-password.ts';
import { createDeleteUser, type DeleteDependencies } from './service/delete-user.ts';
import { createDisableUser, type DisableDependencies } from './service/disable-user.ts';
import { createRegisterUser, type RegisterDependencies } from './service/register-user.ts';
import { createResetPassword } from './service/reset-password.ts';
import { toUser } from './to-user.ts';

interface OwnDependencies {
  readonly passwordMinLength: number;
  readonly admit: UserService['admit'];
}

type Dependencies = OwnDependencies &
  RegisterDependencies &
  AuthenticateDependencies &
  DisableDependencies &
  DeleteDependencies &
  ChangePasswordDependencies;

export function createUserService(dependencies: Dependencies): UserService {
  const { users, clock } = dependencies;
  return {
    passwordMinLength: dependencies.passwordMinLength,
    admit: dependencies.admit,
    ...createRegisterUser(dependencies),
    changeEmail: createChangeEmail(dependencies),
    ...createResetPassword(dependencies),
    ...createAuthenticate(dependencies),
    ...createDisableUser(dependencies),
    delete: createDeleteUser(dependencies),
    changePassword: createChangePassword(dependencies),

    hasPassword: (id, transaction) => users.hasPassword(id, transaction),

    async find(id) {
      const row = await users.findById(id);
      return row && toUser(row);
    },

    async findByEmail(email) {
      const address = readEmailAddress(email);
      const row = address && (await users.findByEmail(address));
      return row && toUser(row);
    },

    async list({ query = '', after, limit }) {
      // PostgreSQL takes neither, and no address or name contains them.
      if (!query.isWellFormed() || query.includes('\0')) return [];
      const name = query.normalize('NFC').trim().toLowerCase();
      const last = after === undefined ? '' : (readEmailAddress(after)?.canonical ?? '');
      return (await users.list({ email: searchedParts(query), name, after: last, limit })).map(
        toUser,
      );
    },

    async update(id, typed) {
      const { profile, errors } = parseProfile(typed);
      if (errors.length > 0) throw problems.invalidProfile({ errors });
      const changes: ProfileChanges = {};
      if (profile.name !== undefined) changes.name = profile.name;
      if (profile.locale !== undefined) changes.locale = profile.locale;
      const row = await users.update(id, changes, new Date(clock.now()));
      if (!row) throw problems.notFound();
      return toUser(row);
    },

    verifyEmail: (id, canonical, transaction) =>
      users.verifyEmail(id, canonical, new Date(clock.now()), transaction),

    async bumpRolesVersion(id, transaction) {
      const version = await users.bumpRolesVersion(id, transaction);
      if (version === undefined) throw problems.notFound();
      return version;
    },

    bumpRolesVersions: (ids, transaction) => users.bumpRolesVersions(ids, transaction),
  };
}
