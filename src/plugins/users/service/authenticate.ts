import type { Log } from '../../../kernel/plugin.ts';
import { type AttemptDependencies, createAttempts } from '../attempts.ts';
import type { UserService } from '../contract.ts';
import { emailKey, readEmailAddress } from '../email-address.ts';
import type { UserModel, UserRow } from '../model.ts';
import type { PasswordHasher } from '../password-hasher.ts';
import { toUser } from '../to-user.ts';

export interface AuthenticateDependencies extends AttemptDependencies {
  readonly users: UserModel;
  readonly hasher: PasswordHasher;
  readonly log: Log;
}

/**
 * Every answer costs one hash: unknown and password-less users are checked against a dummy with today's parameters,
 * disabled ones against their own (SEC-14, SEC-15); before it, an attempt is spent (SEC-17). The reason of a refusal is told to nobody.
 */
export function createAuthenticate(
  dependencies: AuthenticateDependencies,
): Pick<UserService, 'authenticate' | 'verifyPassword'> {
  const { users, hasher, log } = dependencies;
  const attempts = createAttempts(dependencies);

  /** The row, if this is its password and it may be used. */
  const verify = async (row: UserRow | undefined, password: string) => {
    const { matches, outdated } = await hasher.verify(row?.password_hash, password);
    if (!row?.password_hash || !matches || row.disabled_at) return undefined;
    if (outdated) await rehash(row, row.password_hash, password);
    return row;
  };

  /** The only moment at which a stronger hash can be made (SEC-7). Without it the user still gets in. */
  const rehash = async ({ id }: UserRow, stored: string, password: string): Promise<void> => {
    try {
      await users.replaceHash(id, stored, await hasher.hash(password));
    } catch (error) {
      log.warn({ event: 'password.rehash_failed', sub: id, err: error }, 'password not rehashed');
    }
  };

  return {
    async authenticate(email, password, attempt = {}) {
      const address = readEmailAddress(email);
      // What is no address is nobody's, but costs a hash as well.
      const key = emailKey(email);
      await attempts.spendOn(address ?? { canonical: key, key }, attempt);
      const row = address && (await users.findByEmail(address));
      const found = await verify(row, password);
      return found && toUser(found);
    },

    async verifyPassword(userId, password, attempt = {}) {
      const row = await users.findById(userId);
      await attempts.spendOnUser(row, userId, attempt);
      return (await verify(row, password)) !== undefined;
    },
  };
}
