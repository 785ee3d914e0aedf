import type { Gauge } from '../../kernel/telemetry.ts';
import type { RefusedAttempts } from './service.ts';

/** Somebody guesses; and somebody does so in a browser or session of the owner, where a person seldom does. */
export const refusedGauges = (refused: RefusedAttempts): readonly Gauge[] => [
  {
    name: 'password_attempts_refused_total',
    summary:
      'Attempts at passwords from browsers that the account does not know, refused by RATE_LIMIT_ACCOUNT',
    grows: true,
    read: () => refused.strangers,
  },
  {
    name: 'password_attempts_of_owners_refused_total',
    summary:
      'Attempts at passwords from browsers or sessions of the account, refused by RATE_LIMIT_ACCOUNT',
    grows: true,
    read: () => refused.owners,
  },
];
