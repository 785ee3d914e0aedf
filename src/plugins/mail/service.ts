import type { Random } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import { writeText } from './compose.ts';
import type { MailInfo, MailService, MailState } from './contract.ts';
import type { MailModel, MailRow } from './model.ts';
import { problems } from './problems.ts';

interface Dependencies {
  readonly mails: MailModel;
  readonly random: Random;
  readonly log: Log;
  /** `smtp`: sent. `capture`: kept to be read here. `off`: dropped. */
  readonly mode: 'smtp' | 'capture' | 'off';
  /** Called when there is something to send. */
  readonly wake: () => void;
  readonly publicUrl: string;
  readonly product: string;
}

const NOT_THROUGH: readonly MailState[] = ['queued', 'sending', 'failed', 'uncertain'];

const toInfo = (row: MailRow): MailInfo => ({
  id: row.id,
  to: row.recipient,
  template: row.template,
  state: row.state,
  attempts: row.attempts,
  createdAt: row.created_at,
  nextAttemptAt: row.next_attempt_at,
  lastError: row.last_error,
});

export function createMailService(dependencies: Dependencies): MailService {
  const { mails, random, log, mode, wake, publicUrl, product } = dependencies;
  return {
    enabled: mode !== 'off',

    async enqueue(mail, transaction) {
      const { subject } = writeText(mail, product);
      if (mode === 'off') return;
      const id = random.uuid();
      const state = mode === 'capture' ? 'captured' : 'queued';
      await mails.insert(mail, { id, state, transaction });
      transaction.afterCommit(() => {
        if (mode === 'smtp') return wake();
        const url = `${publicUrl}/mail/${id}`;
        log.info({ event: 'mail.captured', subject, url }, 'a mail can be read');
      });
    },

    async list({ state, limit }) {
      return (await mails.list(state ? [state] : NOT_THROUGH, limit)).map(toInfo);
    },

    async retry(id) {
      if (await mails.retry(id)) return wake();
      throw (await mails.find(id)) ? problems.notRetryable() : problems.notFound();
    },
  };
}
