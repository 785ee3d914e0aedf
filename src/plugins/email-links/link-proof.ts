/** What somebody who follows a link has, or says, besides it. */
export interface LinkProof {
  /** Who is signed in in this browser. */
  readonly userId?: string | undefined;
  /** `verify-email`: that of the account. `register`: the one that it gets. */
  readonly password?: string | undefined;
  /** `verify-email`: instead of the one that whoever registered the address chose. */
  readonly newPassword?: string | undefined;
  /** `register`. */
  readonly name?: string | undefined;
}
