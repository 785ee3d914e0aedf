import { type Diagnosis, warning } from '../../kernel/plugin.ts';

/** `rate_limit`: nobody means to guess passwords on this machine; elsewhere they do. */
export const diagnoseOff = ({ protocol }: URL): Diagnosis => ({
  name: 'rate_limit',
  async check() {
    if (protocol === 'http:') return [];
    const problem = 'RATE_LIMIT=off: passwords may be guessed as fast as they are hashed.';
    return [warning(problem, 'Leave RATE_LIMIT out, and raise single limits instead.')];
  },
});
