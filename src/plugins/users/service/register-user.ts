import type { Clock, Random } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import { UserRegistered, type UserService } from '../contract.ts';
import { parseEmailAddress } from '../email-address.ts';
import type { UserModel } from '../model.ts';
import type { PasswordHasher } from '../password-hasher.ts';
import type { PasswordPolicy } from '../password-policy.ts';
import { problems } from '../problems.ts';
import { parseProfile } from '../profile.ts';
import { toUser } from '../to-user.ts';

export interface RegisterDependencies {
  readonly users: UserModel;
  readonly policy: PasswordPolicy;
  readonly hasher: PasswordHasher;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
}

export function createRegisterUser(dependencies: RegisterDependencies): UserService['register'] {
  const { users, policy, hasher, events, clock, random } = dependencies;

  const checkPassword = async (password: string, context: { email: string; name?: string }) => {
    const faults = await policy.check(password, context);
    if (faults.length === 0) return;
    const errors = faults.map((detail) => ({ pointer: '#/password', detail }));
    throw problems.passwordRejected({ errors });
  };

  return async ({ email, password, ...typed }) => {
    const parsed = parseEmailAddress(email);
    if (!parsed) {
      const detail = 'Enter one e-mail address, such as name@example.com.';
      throw problems.invalidEmail({ errors: [{ pointer: '#/email', detail }] });
    }
    const { profile, errors } = parseProfile(typed);
    if (errors.length > 0) throw problems.invalidProfile({ errors });
    const { name = null, locale = null } = profile;
    await checkPassword(password, { email: parsed.canonical, ...(name !== null && { name }) });

    // Hashed also when the address is taken, which only the unique index can tell without a race: same time for both.
    const hash = await hasher.hash(password);
    const now = new Date(clock.now());
    const row = await users.insert({
      id: random.uuid(),
      email: parsed.address,
      email_canonical: parsed.canonical,
      password_hash: hash,
      name,
      locale,
      created_at: now,
      updated_at: now,
    });
    if (!row) throw problems.emailTaken();
    events.emit(UserRegistered, { userId: row.id });
    return toUser(row);
  };
}
