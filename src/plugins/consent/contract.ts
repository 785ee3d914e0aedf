import type { ConsentSource } from '../../kernel/oidc.ts';
import { defineService } from '../../kernel/service.ts';

/** What a client is allowed. */
export interface Given {
  readonly scopes: readonly string[];
  /** Resource indicators (RFC 8707). */
  readonly resources: readonly string[];
}

/** What a person allowed a client to have. */
export interface Consent extends Given {
  readonly clientId: string;
  readonly clientName: string;
  readonly createdAt: Date;
  /** When something was last added. */
  readonly updatedAt: Date;
}

export interface ConsentService extends ConsentSource {
  /** The oldest first. */
  list(userId: string): Promise<readonly Consent[]>;
  /** Adds to what was allowed before. `sessionId`: of the person's session, which must not have ended. */
  allow(userId: string, clientId: string, given: Given, sessionId?: string): Promise<void>;
  /** Ends the client's grants for this user with it. */
  withdraw(userId: string, clientId: string): Promise<void>;
}

export const Consents = defineService<ConsentService>('consent');
