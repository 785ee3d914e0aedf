import type { Clock, Random } from '../../../kernel/clock.ts';
import type { Events } from '../../../kernel/events.ts';
import { type PreparedUser, UserRegistered, type UserService } from '../contract.ts';
import { parseEmailAddress, storedKey } from '../email-address.ts';
import type { NewUserRow, UserModel } from '../model.ts';
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

type Registering = Pick<UserService, 'register' | 'prepare' | 'create'>;

export function createRegisterUser(dependencies: RegisterDependencies): Registering {
  const { users, policy, hasher, events, clock, random } = dependencies;

  const checkPassword = async (password: string, context: { email: string; name?: string }) => {
    const faults = await policy.check(password, context);
    if (faults.length === 0) return;
    const errors = faults.map((detail) => ({ pointer: '#/password', detail }));
    throw problems.passwordRejected({ errors });
  };

  const prepare: UserService['prepare'] = async ({ email, password, ...typed }) => {
    const parsed = parseEmailAddress(email);
    if (!parsed) {
      const detail = 'Enter one e-mail address, such as name@example.com.';
      throw problems.invalidEmail({ errors: [{ pointer: '#/email', detail }] });
    }
    const { profile, errors } = parseProfile(typed);
    if (errors.length > 0) throw problems.invalidProfile({ errors });
    const { name = null, locale = null } = profile;
    const { address, canonical } = parsed;
    await checkPassword(password, { email: canonical, ...(name !== null && { name }) });
    // Hashed also when the address is taken, which only the unique index can tell without a race: same time for both.
    const passwordHash = await hasher.hash(password);
    return { email: address, passwordHash, name, locale };
  };

  const rowOf = (user: PreparedUser, emailVerified: boolean): NewUserRow => {
    const address = parseEmailAddress(user.email);
    if (!address) throw problems.invalidEmail();
    const now = new Date(clock.now());
    return {
      id: random.uuid(),
      email: user.email,
      email_canonical: address.canonical,
      email_key: storedKey(address),
      email_verified: emailVerified,
      password_hash: user.passwordHash,
      name: user.name,
      locale: user.locale,
      created_at: now,
      updated_at: now,
    };
  };

  const create: UserService['create'] = async (prepared, { emailVerified, alongside }) => {
    const user = await users.transaction(async (transaction) => {
      const row = await users.insert(rowOf(prepared, emailVerified), transaction);
      const inserted = row && toUser(row);
      if (inserted) await alongside?.(inserted, transaction);
      return inserted;
    });
    if (user) events.emit(UserRegistered, { userId: user.id });
    return user;
  };

  return {
    prepare,
    create,
    async register(registration, alongside) {
      const options = { emailVerified: false, ...(alongside && { alongside }) };
      const user = await create(await prepare(registration), options);
      if (!user) throw problems.emailTaken();
      return user;
    },
  };
}
