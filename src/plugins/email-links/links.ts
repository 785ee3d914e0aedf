import { hash } from 'node:crypto';
import type { Clock, Random } from '../../kernel/clock.ts';
import type { Transaction } from '../../kernel/store.ts';
import type { Mail, MailService } from '../mail/contract.ts';
import type { LinkModel, LinkRow, NewLinkRow, Purpose } from './model.ts';
import { problems } from './problems.ts';

/** 192 bits, 32 characters. */
const CODE_BYTES = 24;

const HOUR = 3600_000;
/** Milliseconds a link works. */
const LIFETIMES: Readonly<Record<Purpose, number>> = {
  'verify-email': 24 * HOUR,
  register: 24 * HOUR,
  'change-email': HOUR,
  'password-reset': HOUR,
  // What anybody may cause with any address.
  decoy: HOUR / 6,
};

interface Dependencies {
  readonly model: LinkModel;
  readonly mails: MailService;
  readonly clock: Clock;
  readonly random: Random;
  /** PUBLIC_URL without a slash at the end: no request has a say in what a mail links to. */
  readonly publicUrl: string;
}

/** What a link is for, besides what every link has. */
export type LinkSpec = Pick<NewLinkRow, 'purpose'> & Partial<LinkRow>;

export interface Delivery {
  /** Without one a decoy is stored. */
  readonly link?: LinkSpec | undefined;
  readonly mail: (url: string) => Mail;
  /** Done first, in the same transaction. */
  readonly alongside?: (transaction: Transaction) => Promise<void>;
  /** False undoes the mail: an answer must not tell, by its time either, whether one was sent. */
  readonly isSent: boolean;
}

export type Links = ReturnType<typeof createLinks>;

const codeHash = (code: string): string => hash('sha256', code, 'base64url');

/** Codes that do one thing, once, for whoever holds them. Only their hashes are stored. */
export function createLinks({ model, mails, clock, random, publicUrl }: Dependencies) {
  const now = (): Date => new Date(clock.now());

  const issue = async (spec: LinkSpec, transaction: Transaction): Promise<string> => {
    const code = random.token(CODE_BYTES);
    const created_at = now();
    const expires_at = new Date(created_at.getTime() + LIFETIMES[spec.purpose]);
    await model.insert({ ...spec, code_hash: codeHash(code), created_at, expires_at }, transaction);
    return `${publicUrl}/l/${code}`;
  };

  return {
    /** Stores a link and enqueues the mail that carries it. */
    async send(link: LinkSpec, mail: Delivery['mail'], transaction: Transaction): Promise<void> {
      await mails.enqueue(mail(await issue(link, transaction)), transaction);
    },

    /** The same statements and one commit, whatever is to come of it (SEC-15, SEC-16). */
    deliver: ({ link, mail, alongside, isSent }: Delivery): Promise<void> =>
      model.transaction(async (transaction) => {
        await alongside?.(transaction);
        const url = await issue(link ?? { purpose: 'decoy' }, transaction);
        await model.attempt((part) => mails.enqueue(mail(url), part), isSent, transaction);
      }),

    /** The link of a code, which stays as it is. Throws `email-links:link-invalid`. */
    async find(code: string): Promise<LinkRow> {
      const row = await model.find(codeHash(code), now());
      if (!row || row.purpose === 'decoy') throw problems.linkInvalid();
      return row;
    },

    /** Uses the link up, as part of what it does. Throws `email-links:link-invalid` for all callers but one. */
    async consume(link: LinkRow, transaction: Transaction): Promise<void> {
      const isFirst = await model.consume(link.code_hash, link.purpose, now(), transaction);
      if (!isFirst) throw problems.linkInvalid();
    },
  };
}
