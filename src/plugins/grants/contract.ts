import type { GrantFence } from '../../kernel/oidc.ts';
import { defineService } from '../../kernel/service.ts';
import type { Transaction } from '../../kernel/store.ts';

export interface NewGrant {
  readonly userId: string;
  readonly clientId: string;
  readonly sessionId: string;
  /** Space-separated. */
  readonly scope: string;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** Which grants: all that match every given member. */
export interface GrantFilter {
  readonly userId?: string;
  readonly clientId?: string;
  readonly sessionId?: string;
  /** Leave grants alone that were given for use without a session (`offline_access`). */
  readonly keepOffline?: boolean;
}

export interface GrantService extends GrantFence {
  /** For a REST login; oidc-provider makes its own through the adapter. Returns the grant's id. */
  create(grant: NewGrant, transaction: Transaction): Promise<string>;
  /** Ends all live grants of the filter: their codes and refresh tokens are dead once this commits. */
  endAll(filter: GrantFilter, reason: string, transaction: Transaction): Promise<void>;
}

export const Grants = defineService<GrantService>('grants');
