import type { Denylist } from '../../kernel/oidc.ts';
import { defineService } from '../../kernel/service.ts';
import type { Transaction } from '../../kernel/store.ts';

/** What is no longer valid: all tokens of a session or a grant, one token, or a user's tokens with older roles. */
export type Revocation =
  | { readonly sid: string }
  | { readonly gid: string }
  | { readonly jti: string }
  | { readonly sub: string; readonly rolesVersion: number };

/** Tells what a change takes away; written when the change is. */
export type Deny = (revocation: Revocation) => void;

export interface RevocationService extends Denylist {
  /**
   * Runs a change that takes something away. What `deny` was told is written in the same transaction;
   * once committed, this node refuses it at once and every other within 1 s (≤ 5 s when publish is cut).
   */
  transaction<Result>(
    work: (transaction: Transaction, deny: Deny) => Promise<Result>,
  ): Promise<Result>;
}

export const Revocations = defineService<RevocationService>('revocations');
