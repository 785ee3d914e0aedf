import { defineService } from '../../kernel/service.ts';
import type { Transaction } from '../../kernel/store.ts';

/** One message to one person. */
export interface Mail {
  /** A single address. */
  readonly to: string;
  /** Names `views/mail/<template>.eta`, its text and its HTML form. */
  readonly template: string;
  /** What the template shows; escaped there. */
  readonly locals: Readonly<Record<string, string | number>>;
}

export interface MailService {
  /** False when no mail can leave: neither SMTP_URL nor the local capture is there. */
  readonly enabled: boolean;
  /**
   * Puts the mail into the outbox as part of the transaction: it leaves once that has committed, or never.
   * Fast, and never waits for an SMTP server. Does nothing when mail is not enabled.
   */
  enqueue(mail: Mail, transaction: Transaction): Promise<void>;
}

export const Mails = defineService<MailService>('mail');
