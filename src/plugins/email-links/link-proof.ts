import type { RequestInfo } from '../../kernel/route.ts';
import type { UserService } from '../users/contract.ts';
import { problems } from './problems.ts';

/** What somebody who follows a link has, or says, besides it. */
export interface LinkProof {
  /** Who is signed in in this browser. */
  readonly userId?: string | undefined;
  /** `verify-email`, `change-email`: that of the account. `register`: the one that it gets. */
  readonly password?: string | undefined;
  /** `verify-email`: instead of the one that whoever registered the address chose. */
  readonly newPassword?: string | undefined;
  /** `register`. */
  readonly name?: string | undefined;
  /** The browser, which may be known to the account. */
  readonly request?: Pick<RequestInfo, 'cookie'>;
}

/**
 * Who reads the mail shows by the password that the account is theirs as well. `errors` of a problem name what may come.
 * Throws `email-links:password-required`, `:password-wrong` with this detail, and as `verifyPassword` of users does.
 */
export async function provePassword(
  users: Pick<UserService, 'verifyPassword'>,
  userId: string,
  { password, request }: LinkProof,
  told: {
    readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
    readonly wrong?: string;
  },
): Promise<void> {
  if (password === undefined) throw problems.passwordRequired({ errors: told.errors });
  if (await users.verifyPassword(userId, password, request && { request })) return;
  throw problems.passwordWrong(told.wrong === undefined ? {} : { detail: told.wrong });
}
