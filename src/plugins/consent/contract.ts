import type { ConsentSource } from '../../kernel/oidc.ts';
import { defineService } from '../../kernel/service.ts';

export interface ConsentService extends ConsentSource {
  /** Adds to what was allowed before. */
  allow(userId: string, clientId: string, scopes: readonly string[]): Promise<void>;
  /** Ends the client's grants for this user with it. */
  withdraw(userId: string, clientId: string): Promise<void>;
}

export const Consents = defineService<ConsentService>('consent');
