import type { KnownUser, User } from '../users/contract.ts';
import type { LinkRow } from './model.ts';

/** How the user is now, for what is to be done only as long as that holds. */
export const knownUser = ({ id, emailCanonical, rolesVersion }: User): KnownUser => ({
  id,
  emailCanonical,
  rolesVersion,
});

/** How the user of a link was when it was made. */
export const userOfLink = ({ user_id, email, roles_ver }: LinkRow): KnownUser => ({
  id: user_id ?? '',
  emailCanonical: email ?? '',
  rolesVersion: roles_ver ?? 0,
});
