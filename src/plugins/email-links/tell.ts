import type { Log } from '../../kernel/plugin.ts';
import type { Database, Transaction } from '../../kernel/store.ts';
import type { Mail, MailService } from '../mail/contract.ts';
import type { RateLimits } from '../rate-limit/contract.ts';
import { emailKey, type User } from '../users/contract.ts';

interface Dependencies {
  readonly db: Pick<Database, 'transaction'>;
  readonly mails: Pick<MailService, 'enqueue'>;
  readonly limits: Pick<RateLimits, 'mail'>;
  readonly log: Pick<Log, 'warn'>;
}

type Addressee = Pick<User, 'id' | 'email' | 'emailVerified'>;

/** Tells a user of what this transaction does. */
export type Tell = (user: Addressee, mail: Mail, transaction: Transaction) => Promise<void>;

/**
 * To a verified address always, with the transaction. Who registered any other may be somebody else: the notices that they
 * cause are counted (D15), once the transaction is over, since the count is kept in a store that may be slow.
 */
export function createTell({ db, mails, limits, log }: Dependencies): Tell {
  const tellLater = async ({ id, email }: Addressee, mail: Mail): Promise<void> => {
    try {
      if (!(await limits.mail('notice', emailKey(email)))) return;
      await db.transaction((transaction) => mails.enqueue(mail, transaction));
    } catch (error) {
      log.warn(
        { event: 'notice.not_sent', sub: id, err: error },
        'an unverified address is told nothing',
      );
    }
  };

  return async (user, mail, transaction) => {
    if (user.emailVerified) return mails.enqueue(mail, transaction);
    transaction.afterCommit(() => tellLater(user, mail));
  };
}
