import { availableParallelism } from 'node:os';
import { defineEvent } from '../../kernel/events.ts';
import type { Admit, RequestInfo } from '../../kernel/route.ts';
import { defineService } from '../../kernel/service.ts';
import type { Transaction } from '../../kernel/store.ts';
import type { Alongside } from '../sessions/contract.ts';

/** Passwords that one of several processes hashes at once: HASH_SLOTS, else two, or one where cores are few. */
export const hashSlots = (given: number | undefined, processes = 1): number =>
  given ?? Math.max(1, Math.min(Math.floor(availableParallelism() / processes), 2));

export interface User {
  /** UUID, immutable, never reused: the `sub` of every token. */
  readonly id: string;
  /** As they typed it. */
  readonly email: string;
  /** In lower case: names this user's address, and no other's. What is one address is compared by `emailKey`. */
  readonly emailCanonical: string;
  readonly emailVerified: boolean;
  readonly name: string | null;
  /** BCP 47. */
  readonly locale: string | null;
  /** Grows whenever roles, status, password or e-mail address change: the tokens of before are stale then. */
  readonly rolesVersion: number;
  /** Grows whenever password or e-mail address change: what was proven with the former ones counts no longer. */
  readonly credentialsVersion: number;
  readonly disabledAt: Date | null;
  /** When a deletion began that takes several batches; the user is disabled, and the address taken, until it is through. */
  readonly deletingAt: Date | null;
  readonly createdAt: Date;
}

export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly name?: string | undefined;
  readonly locale?: string | undefined;
}

/** A registration that was checked, its password hashed: may be kept until it is confirmed. */
export interface PreparedUser {
  readonly email: string;
  /** Null: without a password. */
  readonly passwordHash: string | null;
  readonly name: string | null;
  readonly locale: string | null;
}

/**
 * How a user was when something was decided that is done later, as with a mailed link: any change of address, password,
 * roles or status since forbids it.
 */
export interface KnownUser {
  readonly id: string;
  readonly emailCanonical: string;
  readonly rolesVersion: number;
}

/** The user's new `credentialsVersion`: a session that is begun with it begins only if nothing else changed since. */
export type ChangedCredentials = Pick<User, 'credentialsVersion'>;

/**
 * From where a password is tried. A browser in which the account signed in before has attempts of its own, and so has a
 * session of the account; all others share those of strangers.
 */
export interface Attempt {
  /** Brings the browser's cookie. */
  readonly request?: Pick<RequestInfo, 'cookie'>;
  /** Of the user whose password it is, proven to be the caller's. */
  readonly sessionId?: string | undefined;
}

/** Commits or fails together with the new or changed user. */
export type WithNewUser = (user: User, transaction: Transaction) => Promise<void>;

export interface UserService {
  /** Characters, for forms to say. */
  readonly passwordMinLength: number;
  /**
   * For routes and pages on which a password is hashed: a storm is refused before anything is done for it. Throws
   * `users:busy` (503) when the hashing queue has no place left.
   */
  readonly admit: Admit;
  /** Throws `users:email-taken`, `users:password-rejected`, `users:invalid-email`. */
  register(registration: Registration, alongside?: WithNewUser): Promise<User>;
  /** Checks and hashes as `register` does, and throws as it does, but neither knows nor says whether the address is taken. */
  prepare(registration: Registration): Promise<PreparedUser>;
  /** Undefined when the address is taken; then `alongside` is not called. */
  create(
    user: PreparedUser,
    options: { readonly emailVerified: boolean; readonly alongside?: WithNewUser },
  ): Promise<User | undefined>;
  /** False when the address is no longer this user's, or the user is disabled. */
  verifyEmail(id: string, emailCanonical: string, transaction: Transaction): Promise<boolean>;
  /**
   * Ends every session and grant; `alongside` commits with it, and comes first. Throws `users:email-taken`,
   * `users:changed-meanwhile`.
   */
  changeEmail(
    user: KnownUser,
    to: { readonly email: string; readonly verified: boolean },
    alongside?: Alongside,
  ): Promise<ChangedCredentials>;
  /**
   * A new password for somebody who reads the mail of the address. Ends every session and grant; `alongside` commits with
   * it, and comes first. Throws `users:password-rejected`, `users:changed-meanwhile`, `users:busy`.
   */
  resetPassword(
    user: KnownUser,
    next: string,
    options: { readonly alongside: Alongside },
  ): Promise<void>;
  /**
   * A new password from whoever runs the server, or `by` the owner of the address in place of who registered it: says nothing of the address, and ends all that `resetPassword` ends.
   * Throws `users:not-found`, `users:password-rejected`, `users:busy`.
   */
  setPassword(
    userId: string,
    next: string,
    options?: {
      readonly alongside?: Alongside;
      /** Default: `password-reset`. */
      readonly by?: 'password-reset' | 'address-claimed';
    },
  ): Promise<void>;
  /**
   * The user of this e-mail and password; undefined, after the same time, for unknown, wrong, disabled and password-less.
   * Throws `users:busy` (503) when the hashing queue is full, `rate-limit:too-many-attempts` (429).
   */
  authenticate(email: string, password: string, attempt?: Attempt): Promise<User | undefined>;
  /** Throws as `authenticate` does, from the same buckets of attempts. */
  verifyPassword(userId: string, password: string, attempt?: Attempt): Promise<boolean>;
  /**
   * Undefined when the current password is wrong. Ends every session and grant, and makes all access tokens of the user
   * stale; `alongside` commits with it. Throws `users:password-rejected`, `users:password-changed-meanwhile`, and as
   * `authenticate` does.
   */
  changePassword(
    userId: string,
    passwords: { readonly current: string; readonly next: string; readonly attempt?: Attempt },
    alongside?: WithNewUser,
  ): Promise<ChangedCredentials | undefined>;
  /** Whether the user can sign in with a password. Within a transaction the answer holds until that ends. */
  hasPassword(id: string, transaction?: Transaction): Promise<boolean>;
  find(id: string): Promise<User | undefined>;
  findByEmail(email: string): Promise<User | undefined>;
  /** By e-mail, ascending; `query` is a part of address or name, `after` the address where the page before ended. */
  list(options: {
    readonly query?: string | undefined;
    readonly after?: string | undefined;
    readonly limit: number;
  }): Promise<readonly User[]>;
  /** Throws `users:not-found`. */
  update(
    id: string,
    changes: {
      readonly name?: string | null | undefined;
      readonly locale?: string | null | undefined;
    },
  ): Promise<User>;
  /** Ends all sessions and grants with it. Throws `users:not-found`, `users:last-superuser`. */
  disable(id: string): Promise<User>;
  /** Throws `users:not-found`, `users:being-deleted`. */
  enable(id: string): Promise<User>;
  /**
   * Ends all sessions and grants and deletes everything that plugins keep about the user: in one transaction, or in batches
   * where it is more than one; one that is cut off is finished within minutes, or by the same call again. The id is never
   * used again. Throws as `disable`.
   */
  delete(id: string): Promise<void>;
  /** Makes tokens with older roles stale; returns the new version. Throws `users:not-found`. */
  bumpRolesVersion(id: string, transaction: Transaction): Promise<number>;
  /** The same for many in one statement; ids of no user are left out. The caller holds their locks, or sees to the order. */
  bumpRolesVersions(
    ids: readonly string[],
    transaction: Transaction,
  ): Promise<readonly RolesVersion[]>;
}

/** The new version of a user's roles. */
export interface RolesVersion {
  readonly id: string;
  readonly version: number;
}

export { type EmailAddress, emailKey, emailSpellings, parseEmailAddress } from './email-address.ts';
export {
  namedUser,
  notVerified,
  shownUser,
  UNVERIFIED_OPTION,
  USER_ARGUMENT,
} from './named-user.ts';
export { problems as userProblems } from './problems.ts';
export { parseProfile } from './profile.ts';

export const Users = defineService<UserService>('users');

export const UserRegistered = defineEvent<{ userId: string }>('user.registered');
export const UserDisabled = defineEvent<{ userId: string }>('user.disabled');
export const UserDeleted = defineEvent<{ userId: string }>('user.deleted');
export const PasswordChanged = defineEvent<{ userId: string }>('password.changed');
/** `verified`: whether the new address is proven to be the user's. */
export const EmailChanged = defineEvent<{ userId: string; verified: boolean }>('email.changed');
export const UserEnabled = defineEvent<{ userId: string }>('user.enabled');

/** All that this plugin tells. */
export const userEvents = [
  UserRegistered,
  UserDisabled,
  UserEnabled,
  UserDeleted,
  PasswordChanged,
  EmailChanged,
];
