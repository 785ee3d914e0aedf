import { defineService } from '../../kernel/service.ts';
import type { Transaction } from '../../kernel/store.ts';

/** What each mail shows, by template. `name` may be empty, `url` is absolute, `hours` is how long it works. */
export interface MailTemplates {
  'verify-email': { readonly name: string; readonly url: string; readonly hours: number };
  'already-registered': { readonly name: string; readonly url: string };
  /** `ways`: what else signs in to the account, as a list in words; may be empty. */
  'reset-password': {
    readonly name: string;
    readonly url: string;
    readonly hours: number;
    readonly ways: string;
  };
  'password-changed': { readonly name: string; readonly url: string };
  /** To the new address. */
  'change-email': { readonly name: string; readonly url: string; readonly hours: number };
  /** To the old address, before. */
  'email-change-requested': { readonly name: string };
  /** To the old address, afterwards. */
  'email-changed': { readonly name: string };
  /** An account of another provider; `detail` is its address there, or empty. */
  'identity-connected': IdentityLocals;
  'identity-disconnected': IdentityLocals;
  'new-sign-in': {
    readonly name: string;
    readonly device: string;
    readonly time: string;
    readonly url: string;
  };
}

interface IdentityLocals {
  readonly name: string;
  readonly provider: string;
  readonly detail: string;
  readonly url: string;
}

/** One message to one person. */
export interface Mail {
  /** A single address. */
  readonly to: string;
  /** Whose account it is about: it goes when they go, whatever their address is then. Missing where there is none yet. */
  readonly userId?: string | undefined;
  /** One of `MailTemplates`; `enqueue` throws a TypeError for another. */
  readonly template: string;
  /** What the template shows; escaped there. */
  readonly locals: Readonly<Record<string, string | number>>;
}

/**
 * `queued`: waits for its (next) attempt. `sending`: a node has it. `sent`: an SMTP server took it. `captured`: kept to be
 * read on this machine. `failed`: given up. `uncertain`: the server was lost while it took the mail; sent again only by hand.
 */
export type MailState = 'queued' | 'sending' | 'sent' | 'captured' | 'failed' | 'uncertain';

export interface MailInfo {
  readonly id: string;
  readonly to: string;
  readonly template: string;
  readonly state: MailState;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly nextAttemptAt: Date;
  /** What the SMTP server or the network said last. */
  readonly lastError: string | null;
}

export interface MailService {
  /** False when no mail can leave: neither SMTP_URL nor the local capture is there. */
  readonly enabled: boolean;
  /**
   * Puts the mail into the outbox as part of the transaction: it leaves once that has committed, or never.
   * Fast, and never waits for an SMTP server. Does nothing when mail is not enabled, or its user is gone.
   */
  enqueue(mail: Mail, transaction: Transaction): Promise<void>;
  /** Newest first; without a state those that are not through: queued, sending, failed, uncertain. */
  list(options: {
    readonly state?: MailState;
    readonly limit: number;
  }): Promise<readonly MailInfo[]>;
  /** Sends a failed or uncertain mail once more. Throws `mail:not-retryable`. */
  retry(id: string): Promise<void>;
}

export const Mails = defineService<MailService>('mail');
