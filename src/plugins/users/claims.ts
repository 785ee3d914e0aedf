/** Claims of the scopes `profile` and `email` (OIDC Core §5.4), from what the user is now. */
import type { AccountSource, ClaimSource } from '../../kernel/oidc.ts';
import type { UserModel, UserRow } from './model.ts';

type Released = Readonly<Record<string, unknown>>;

export function createClaimSources(users: UserModel): readonly ClaimSource[] {
  /** Nothing of a user who has been disabled since. */
  const ofActive = async (userId: string, release: (row: UserRow) => Released) => {
    const row = await users.findById(userId);
    return row && !row.disabled_at ? release(row) : {};
  };
  return [
    {
      names: ['name', 'locale', 'updated_at'],
      in: ['account'],
      scope: 'profile',
      claims: ({ userId }) =>
        ofActive(userId, ({ name, locale, updated_at }) => ({
          ...(name !== null && { name }),
          ...(locale !== null && { locale }),
          updated_at: Math.floor(updated_at.getTime() / 1000),
        })),
    },
    {
      names: ['email', 'email_verified'],
      in: ['account'],
      scope: 'email',
      claims: ({ userId }) =>
        ofActive(userId, ({ email, email_verified }) => ({ email, email_verified })),
    },
  ];
}

export function createAccountSource(users: UserModel): AccountSource {
  return {
    async find(userId) {
      const row = await users.findById(userId);
      return row && !row.disabled_at ? { userId: row.id } : undefined;
    },
  };
}
