import { defineService } from '../../kernel/service.ts';

export interface RestoreService {
  /**
   * Ends all that a restored database revived: tokens, sessions, grants, consents, mailed links, waiting mails.
   * Idempotent: whoever is interrupted runs it again.
   */
  seal(): Promise<void>;
}

export const Restore = defineService<RestoreService>('restore');
