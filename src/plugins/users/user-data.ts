import type { Contributions } from '../../kernel/plugin.ts';
import type { UserModel } from './model.ts';

/** For the user's export. The row itself is deleted last, by `delete-user.ts`. */
export const createUserData = (users: UserModel): Pick<Contributions, 'exportUser'> => ({
  exportUser: {
    async profile({ id }) {
      const row = await users.findById(id);
      if (!row) return null;
      const { password_hash: hash, email_canonical: _email, email_key: _key, ...shown } = row;
      const {
        roles_ver: _roles,
        credentials_ver: _credentials,
        deleting_at: _deleting,
        ...profile
      } = shown;
      return { ...profile, has_password: hash !== null };
    },
  },
});
