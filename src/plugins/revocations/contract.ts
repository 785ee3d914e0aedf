import type { Denylist } from '../../kernel/oidc.ts';
import { defineService } from '../../kernel/service.ts';
import type { Transaction } from '../../kernel/store.ts';

/** What is no longer valid: all tokens of a session, one token, or a user's tokens with older roles. */
export type Revocation =
  | { readonly sid: string }
  | { readonly jti: string }
  | { readonly sub: string; readonly rolesVersion: number };

export interface RevocationService extends Denylist {
  /**
   * Runs a change that takes something away. What `deny` was told is written in the same transaction;
   * once committed, this node refuses it at once and every other within 1 s (≤ 5 s when publish is cut).
   */
  transaction<Result>(
    work: (transaction: Transaction, deny: (revocation: Revocation) => void) => Promise<Result>,
  ): Promise<Result>;
}

export const Revocations = defineService<RevocationService>('revocations');
