import type { Profile } from './service.ts';

/** A user as the API shows one. */
export const userBody = ({ user, roles }: Profile) => ({
  id: user.id,
  email: user.email,
  email_verified: user.emailVerified,
  name: user.name,
  locale: user.locale,
  roles: [...roles],
  created_at: user.createdAt.toISOString(),
});
