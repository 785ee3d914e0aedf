import { inBatches } from '../../kernel/in-batches.ts';
import type { DataSubject } from '../../kernel/plugin.ts';
import type { Database, Transaction } from '../../kernel/store.ts';
import { emailKey, emailSpellings } from '../users/contract.ts';
import type { Mail, MailState } from './contract.ts';

export interface MailRow {
  readonly id: string;
  readonly recipient: string;
  readonly template: string;
  /** Gone once the mail is sent: links in it are as good as passwords. */
  readonly locals: Mail['locals'] | null;
  readonly state: MailState;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly created_at: Date;
  readonly next_attempt_at: Date;
}

const COLUMNS =
  'id, recipient, template, locals, state, attempts, last_error, created_at, next_attempt_at';

// Of a user who was deleted meanwhile there is none, and the deletion waits for one that is on its way, and takes it along.
const INSERT = {
  name: 'mails-insert',
  text: `INSERT INTO mails (id, recipient, template, locals, state, user_id, recipient_key, next_attempt_at, created_at)
    SELECT $1::uuid, $2::text, $3::text, $4::jsonb, $5::text, $6::uuid, $7::text, now(), now()
    WHERE $6::uuid IS NULL OR EXISTS (SELECT FROM users WHERE id = $6::uuid FOR KEY SHARE)`,
};
const CLAIM = {
  name: 'mails-claim',
  text: `UPDATE mails SET state = 'sending', attempts = attempts + 1, handed_over = false,
      leased_until = now() + make_interval(secs => $2)
    WHERE id IN (SELECT id FROM mails WHERE state = 'queued' AND next_attempt_at <= now()
      ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING ${COLUMNS}`,
};
const HAND_OVER = {
  name: 'mails-hand-over',
  text: `UPDATE mails SET handed_over = true
    WHERE id = $1 AND attempts = $2 AND state = 'sending' AND leased_until > now() RETURNING id`,
};
const SENT = {
  name: 'mails-sent',
  text: `UPDATE mails SET state = 'sent', locals = NULL, last_error = NULL, finished_at = now()
    WHERE id = $1 AND attempts = $2 AND state IN ('sending', 'uncertain')`,
};
const END = {
  name: 'mails-end',
  text: `UPDATE mails SET state = $3, last_error = $4, finished_at = now()
    WHERE id = $1 AND attempts = $2 AND state = 'sending'`,
};
// Nobody waits longer than a day for a mail: by then its link has expired.
const LATER = {
  name: 'mails-later',
  text: `UPDATE mails SET last_error = $4, next_attempt_at = now() + make_interval(secs => $3),
      state = CASE WHEN created_at < now() - interval '1 day' THEN 'failed' ELSE 'queued' END,
      finished_at = CASE WHEN created_at < now() - interval '1 day' THEN now() END
    WHERE id = $1 AND attempts = $2 AND state = 'sending'`,
};
const ABANDONED = {
  name: 'mails-abandoned',
  text: `UPDATE mails SET state = CASE WHEN handed_over THEN 'uncertain' ELSE 'queued' END,
      finished_at = CASE WHEN handed_over THEN now() END, last_error = 'the sending process ended'
    WHERE state = 'sending' AND leased_until < now() RETURNING id, state`,
};
const RETRY = {
  name: 'mails-retry',
  text: `UPDATE mails SET state = 'queued', next_attempt_at = now(), finished_at = NULL, created_at = now()
    WHERE id = $1 AND state IN ('failed', 'uncertain') AND locals IS NOT NULL RETURNING id`,
};
const FIND = { name: 'mails-find', text: `SELECT ${COLUMNS} FROM mails WHERE id = $1` };
const LIST = {
  name: 'mails-list',
  text: `SELECT ${COLUMNS} FROM mails WHERE state = ANY($1::text[]) ORDER BY created_at DESC, id LIMIT $2`,
};
/**
 * To any address that the user has or had, and to one that they asked for. Of two accounts of before that share an address,
 * each has its own. Reads the table of `users`, which knows nothing of mails.
 */
const THEIRS = `(user_id = $1 OR ((recipient_key = $2 OR recipient = ANY($3::text[])) AND recipient IS DISTINCT FROM
    (SELECT email FROM users WHERE users.id = mails.user_id AND users.id <> $1)))`;
const EXPORT = {
  name: 'mails-export',
  text: `SELECT recipient, template, state, attempts, created_at, finished_at
    FROM mails WHERE ${THEIRS} ORDER BY created_at`,
};
const ERASE = {
  name: 'mails-erase',
  // Locked, so that fewer than asked for means that there are no more, whoever else deletes some of them.
  text: `WITH batch AS MATERIALIZED (SELECT id FROM mails WHERE ${THEIRS} LIMIT $4 FOR UPDATE)
    DELETE FROM mails WHERE id = ANY(ARRAY(SELECT id FROM batch)) RETURNING id`,
};
const SWEEP = {
  name: 'mails-sweep',
  text: `DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE created_at < now() - interval '30 days'
      AND state NOT IN ('queued', 'sending') LIMIT $1) RETURNING id`,
};

// By then the links have expired, and a mail without them is not worth sending.
const EMPTY = {
  name: 'mails-empty',
  text: `UPDATE mails SET locals = NULL WHERE id IN (SELECT id FROM mails WHERE locals IS NOT NULL
      AND created_at < now() - interval '1 day' AND state IN ('failed', 'uncertain', 'captured') LIMIT $1)
    RETURNING id`,
};

const ABANDON = {
  name: 'mails-abandon',
  text: `WITH batch AS MATERIALIZED (
      SELECT id FROM mails WHERE state IN ('queued', 'sending', 'uncertain') LIMIT $1 FOR UPDATE)
    UPDATE mails SET locals = NULL, state = 'failed', last_error = 'the database was restored', finished_at = now()
    FROM batch WHERE mails.id = batch.id RETURNING batch.id`,
};
const TROUBLES = {
  name: 'mails-troubles',
  // Each by an index: what was sent in a month is not looked at.
  text: `SELECT
    (SELECT count(*) FROM mails
      WHERE state IN ('queued', 'sending') AND created_at < now() - interval '1 hour')::int AS late,
    (SELECT count(*) FROM mails
      WHERE created_at > now() - interval '1 day' AND state IN ('failed', 'uncertain'))::int AS ended`,
};

export type MailModel = ReturnType<typeof createMailModel>;

/** Table `mails`. Seconds, by PostgreSQL's clock. A change of a mail under way names its attempt, so that a late one changes nothing. */
export function createMailModel(db: Database) {
  return {
    async insert(
      { to, userId, template, locals }: Mail,
      { id, state, transaction }: { id: string; state: MailState; transaction: Transaction },
    ): Promise<void> {
      const values = [id, to, template, JSON.stringify(locals), state, userId ?? null];
      await db.query(INSERT, [...values, emailKey(to)], transaction);
    },
    /** Mails that are due; nobody else gets them for `lease` seconds. */
    claim: (count: number, lease: number): Promise<MailRow[]> =>
      db.query<MailRow>(CLAIM, [count, lease]),
    /** Written before the server may take the mail. False when the lease is over. */
    async handOver({ id, attempts }: MailRow): Promise<boolean> {
      return (await db.query(HAND_OVER, [id, attempts])).length > 0;
    },
    async sent({ id, attempts }: MailRow): Promise<void> {
      await db.query(SENT, [id, attempts]);
    },
    async end(
      { id, attempts }: MailRow,
      state: 'failed' | 'uncertain',
      why: string,
    ): Promise<void> {
      await db.query(END, [id, attempts, state, why]);
    },
    async later({ id, attempts }: MailRow, seconds: number, why: string): Promise<void> {
      await db.query(LATER, [id, attempts, seconds, why]);
    },
    /** Takes mails back from processes that ended; one that may have left is uncertain. */
    abandoned: (): Promise<{ id: string; state: MailState }[]> => db.query(ABANDONED, []),
    async retry(id: string): Promise<boolean> {
      return (await db.query(RETRY, [id])).length > 0;
    },
    async find(id: string): Promise<MailRow | undefined> {
      return (await db.query<MailRow>(FIND, [id]))[0];
    },
    list: (states: readonly MailState[], limit: number): Promise<MailRow[]> =>
      db.query<MailRow>(LIST, [states, limit]),
    /** Mails of a user, without what they say: links in them are as good as passwords. */
    exportUser: (user: DataSubject): Promise<object[]> => db.query(EXPORT, theirs(user)),
    /** Deletes at most `limit` mails of a user, also one that a node has and has not handed over; answers how many. */
    async eraseUser(user: DataSubject, limit: number, transaction: Transaction): Promise<number> {
      return (await db.query(ERASE, [...theirs(user), limit], transaction)).length;
    },
    /** Gives up every mail that has not left for certain. */
    async abandon(): Promise<void> {
      await inBatches(async (size) => (await db.query(ABANDON, [size])).length);
    },
    /** Mails that have waited for an hour, and mails of the last day that were not delivered, or perhaps not. */
    async troubles(): Promise<{ readonly late: number; readonly ended: number }> {
      const [found] = await db.query<{ late: number; ended: number }>(TROUBLES, []);
      return found ?? { late: 0, ended: 0 };
    },
    /** Forgets the content of at most `size` mails that ended a day ago; answers how many. */
    async empty(size: number): Promise<number> {
      return (await db.query(EMPTY, [size])).length;
    },
    /** Deletes at most `size` that were through 30 days ago; answers how many. */
    async sweep(size: number): Promise<number> {
      return (await db.query(SWEEP, [size])).length;
    },
  };
}

const theirs = ({ id, email }: DataSubject) => [id, emailKey(email), emailSpellings(email)];

/** Forgets contents after a day, and deletes what was through 30 days ago, in small batches. */
export async function sweepMails({
  empty,
  sweep,
}: Pick<MailModel, 'empty' | 'sweep'>): Promise<void> {
  await inBatches(empty);
  await inBatches(sweep);
}
