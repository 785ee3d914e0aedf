/** Takes due mails from the outbox and delivers each; several nodes share the work. */
import type { Random } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/plugin.ts';
import type { Compose, Message } from './compose.ts';
import type { MailModel, MailRow } from './model.ts';
import type { Deliver, Delivery } from './smtp.ts';

/** Mails that one node delivers at a time. */
const PARALLEL = 4;
/** Seconds. */
const LEASE = 120;
const FIRST_PAUSE = 15;
const LONGEST_PAUSE = 3600;
/** Milliseconds that a stop waits for mails under way; what then happens to them, their lease tells others. */
const PATIENCE = 3_000;

interface Dependencies {
  readonly mails: MailModel;
  readonly deliver: Deliver;
  readonly compose: Compose;
  readonly from: string;
  readonly random: Random;
  readonly log: Log;
}

export interface Worker {
  /** Delivers what is due; resolves when nothing is left that this node could take. */
  run(): Promise<void>;
  /** The same in the background. */
  wake(): void;
  stop(): Promise<void>;
}

/** Where no server is set. */
export const idleWorker: Worker = {
  run: async () => undefined,
  wake: () => undefined,
  stop: async () => undefined,
};

export function createWorker({ mails, deliver, compose, from, random, log }: Dependencies): Worker {
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  /** Doubles from 15 s to an hour; up to a quarter more, so that mails do not come back all at once. */
  const pause = (attempts: number): number => {
    const seconds = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1));
    return Math.round(seconds * (1 + random.bytes(1).readUInt8() / 1024));
  };

  const conclude = async (row: MailRow, delivery: Delivery): Promise<void> => {
    if (delivery.outcome === 'sent') return mails.sent(row);
    const { outcome, reason } = delivery;
    const fields = { mail: row.id, template: row.template, attempt: row.attempts, reason };
    if (outcome === 'later') {
      log.warn({ event: 'mail.delayed', ...fields }, 'a mail could not be delivered yet');
      return mails.later(row, pause(row.attempts), reason);
    }
    log.error({ event: `mail.${outcome}`, ...fields }, 'a mail was not delivered');
    return mails.end(row, outcome === 'refused' ? 'failed' : 'uncertain', reason);
  };

  const send = async (row: MailRow): Promise<void> => {
    const { id, recipient: to, created_at: date } = row;
    let message: Message;
    try {
      message = compose({ template: row.template, locals: row.locals ?? {} });
    } catch (error) {
      // Enqueued by a newer version, perhaps: a node that has the template may take it within the day.
      return conclude(row, { outcome: 'later', reason: (error as Error).message });
    }
    const handOver = async (): Promise<void> => {
      if (!(await mails.handOver(row)))
        throw new Error('the mail was taken back, or another node has it');
    };
    await conclude(row, await deliver({ ...message, id, from, to, date }, handOver));
  };

  const turn = async (): Promise<void> => {
    for (const { id, state } of await mails.abandoned()) {
      log.warn({ event: 'mail.abandoned', mail: id, state }, 'the process that had it ended');
    }
    while (!stopped) {
      const rows = await mails.claim(PARALLEL, LEASE);
      if (rows.length === 0) return;
      const ends = await Promise.allSettled(rows.map(send));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed) throw failed.reason;
    }
  };

  const run = (): Promise<void> => {
    again = running !== undefined;
    running ??= turn().finally(() => {
      running = undefined;
      if (again && !stopped) wake();
    });
    return running;
  };

  const wake = (): void => {
    run().catch((error: unknown) => {
      log.warn({ event: 'mail.turn_failed', err: error }, 'mails wait for the next turn');
    });
  };

  return {
    run,
    wake,
    async stop() {
      stopped = true;
      const patience = Promise.withResolvers<void>();
      const timer = setTimeout(patience.resolve, PATIENCE);
      await Promise.race([running?.catch(() => undefined), patience.promise]);
      clearTimeout(timer);
    },
  };
}
