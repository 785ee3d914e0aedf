import { z } from 'zod';
import type { Rate } from './rate.ts';

const MOST = 1_000_000;
const RATE = /^(\d{1,7})\/(\d{1,7}(?:\.\d{1,6})?)$/;

/** `60/0.5`: a full bucket holds 60, one more comes every 2 s. Undefined when it is no rate. */
function readRate(text: string): Rate | undefined {
  const [, capacity, refill] = RATE.exec(text)?.map(Number) ?? [];
  if (!capacity || !refill || capacity > MOST || refill > MOST) return undefined;
  return { capacity, refillPerSecond: refill };
}

/** Throws RangeError for what the settings refuse. */
export function parseRate(text: string): Rate {
  const rate = readRate(text);
  if (!rate) throw new RangeError(`"${text}" is no rate`);
  return rate;
}

const rate = (initial: string, what: string) =>
  z
    .string()
    .refine((text) => readRate(text) !== undefined, {
      error: `must be capacity/refill-per-second, each greater than 0 and at most ${MOST}, such as ${initial}`,
    })
    .default(initial)
    .describe(`${what}: burst/tokens per second.`);

/** Offices share one address, so what is counted by address is generous; what is counted by account is not. */
export const settings = z.object({
  RATE_LIMIT: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Rate limits, by client address, account and client. Off: for tests and benchmarks.'),
  RATE_LIMIT_READ: rate('600/50', 'Limit of reading calls for each client address'),
  RATE_LIMIT_WRITE: rate('300/10', 'Limit of changing calls for each client address'),
  RATE_LIMIT_SIGN_IN: rate('60/1', 'Limit of password checks for each client address'),
  RATE_LIMIT_REGISTER: rate('30/0.2', 'Limit of registrations for each client address'),
  RATE_LIMIT_MAIL: rate('20/0.1', 'Limit of calls that send mail, for each client address'),
  RATE_LIMIT_OIDC: rate(
    '1000/100',
    'Limit of OIDC calls that no registered client makes by itself, for each client address',
  ),
  RATE_LIMIT_CLIENT: rate(
    '1000/100',
    'Limit of token, introspection, revocation and PAR calls for each OIDC client at each address',
  ),
  RATE_LIMIT_OTHER: rate(
    '2000/500',
    'Limit of all calls that no other limit counts (keys, metadata, documents, files, what is not found), for each client address in each process, shared with none',
  ),
  RATE_LIMIT_ACCOUNT: rate(
    '10/0.03',
    'Limit of password checks for each account, known or not, wherever they come from; the owner has as many more in each browser and session of theirs',
  ),
  RATE_LIMIT_RECIPIENT: rate(
    '5/0.002',
    'Limit of mails of each kind that anybody may cause to one recipient',
  ),
});
