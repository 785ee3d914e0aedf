import type { User } from './contract.ts';
import type { UserRow } from './model.ts';

/** What others may know of a row: never the password hash. */
export const toUser = (row: UserRow): User => ({
  id: row.id,
  email: row.email,
  emailCanonical: row.email_canonical,
  emailVerified: row.email_verified,
  name: row.name,
  locale: row.locale,
  rolesVersion: row.roles_ver,
  credentialsVersion: row.credentials_ver,
  disabledAt: row.disabled_at,
  deletingAt: row.deleting_at,
  createdAt: row.created_at,
});
