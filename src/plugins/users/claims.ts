/** Claims of the scopes `profile` and `email` (OIDC Core §5.4), from what the user is now. */
import type { AccountSource, ClaimSource, ClaimSubject, FoundAccount } from '../../kernel/oidc.ts';
import type { UserModel, UserRow } from './model.ts';

/** Finds users for oidc-provider, and says what scopes release of them. */
export interface Accounts {
  readonly source: AccountSource;
  readonly claims: readonly ClaimSource[];
}

type Released = Readonly<Record<string, unknown>>;

export function createAccounts(users: UserModel): Accounts {
  /** The rows behind the accounts that were found: a request that has read its user does not read it again. */
  const rows = new WeakMap<FoundAccount, UserRow>();

  const findActive = async (userId: string): Promise<UserRow | undefined> => {
    const row = await users.findById(userId);
    return row?.disabled_at ? undefined : row;
  };
  /** Nothing of a user who has been disabled since. */
  const ofActive = async (
    { userId, account }: ClaimSubject,
    release: (row: UserRow) => Released,
  ): Promise<Released> => {
    const row = (account && rows.get(account)) ?? (await findActive(userId));
    return row ? release(row) : {};
  };

  const source: AccountSource = {
    async find(userId) {
      const row = await findActive(userId);
      if (!row) return undefined;
      const account = { userId: row.id };
      rows.set(account, row);
      return account;
    },
  };
  const claims: readonly ClaimSource[] = [
    {
      names: ['name', 'locale', 'updated_at'],
      in: ['account'],
      scope: 'profile',
      claims: (subject) =>
        ofActive(subject, ({ name, locale, updated_at }) => ({
          ...(name !== null && { name }),
          ...(locale !== null && { locale }),
          updated_at: Math.floor(updated_at.getTime() / 1000),
        })),
    },
    {
      names: ['email', 'email_verified'],
      in: ['account'],
      scope: 'email',
      claims: (subject) =>
        ofActive(subject, ({ email, email_verified }) => ({ email, email_verified })),
    },
  ];
  return { source, claims };
}
