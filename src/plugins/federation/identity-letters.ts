import type { Transaction } from '../../kernel/store.ts';
import type { MailService } from '../mail/contract.ts';
import type { User } from '../users/contract.ts';

interface Dependencies {
  readonly mails: Pick<MailService, 'enqueue'>;
  /** PUBLIC_URL without a trailing slash. */
  readonly publicUrl: string;
}

export type TellOfIdentity = (
  user: User,
  what: 'identity-connected' | 'identity-disconnected',
  identity: { readonly label: string; readonly email: string | null },
  transaction: Transaction,
) => Promise<void>;

/** Tells a person of a way in that came or went, with the transaction. An address that is not verified may be another's. */
export const createIdentityLetters =
  ({ mails, publicUrl }: Dependencies): TellOfIdentity =>
  async (user, what, { label, email }, transaction) => {
    if (!user.emailVerified) return;
    const url = `${publicUrl}/auth/password/forgot`;
    const locals = { name: user.name ?? '', provider: label, detail: email ?? '', url };
    await mails.enqueue({ to: user.email, userId: user.id, template: what, locals }, transaction);
  };
