import type { GrantFence } from '../../kernel/oidc.ts';
import { defineService } from '../../kernel/service.ts';
import type { Transaction } from '../../kernel/store.ts';
import type { Deny } from '../revocations/contract.ts';

/** Which grants: all that match every given member. */
export interface GrantFilter {
  readonly grantId?: string;
  readonly userId?: string;
  readonly clientId?: string;
  /** Of this session, or of any of these. */
  readonly sessionId?: string | readonly string[];
  readonly exceptSessionId?: string;
  /** Leave grants alone that were given for use without a session (`offline_access`). */
  readonly keepOffline?: boolean;
}

export interface GrantOwner {
  readonly userId: string;
  readonly clientId: string;
  readonly sessionId: string | null;
}

export interface GrantService extends GrantFence {
  /**
   * Ends all live grants of the filter: their codes, refresh tokens and access tokens are dead once this commits.
   * Returns whose they are, and whose those are that `keepOffline` left alone. Throws `MoreThanABatch`, which undoes the
   * transaction, when they are more: `wholeOrBatches` with `endInBatches`.
   */
  endAll(
    filter: GrantFilter,
    reason: string,
    transaction: Transaction,
    deny: Deny,
  ): Promise<readonly GrantOwner[]>;
  /** The same for any number of them, with a transaction for each batch; harmless if it stops half-way. */
  endInBatches(filter: GrantFilter, reason: string): Promise<readonly GrantOwner[]>;
  /** Whose grant it is, ended or not. */
  ownerOf(grantId: string): Promise<GrantOwner | undefined>;
}

export const Grants = defineService<GrantService>('grants');
