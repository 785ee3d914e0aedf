import type { Random } from '../../kernel/clock.ts';
import type { RequestIds } from '../../kernel/plugin.ts';

type Policy = 'generate' | 'accept' | 'require';

/** Neither a space nor a comma, as two headers in one would have; nothing that breaks a line of a log. */
const VALID = /^[A-Za-z0-9._-]{1,128}$/;

export function createRequestIds(policy: Policy, random: Random): RequestIds {
  return (received = '') => {
    const isTaken = policy !== 'generate' && VALID.test(received);
    if (isTaken) return received;
    return policy === 'require' ? undefined : random.uuid();
  };
}
