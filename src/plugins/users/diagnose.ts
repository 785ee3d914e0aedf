import { type Diagnosis, warning } from '../../kernel/plugin.ts';
import type { UserModel } from './model.ts';
import { phcParameters } from './password-hasher.ts';

interface Dependencies {
  readonly users: Pick<UserModel, 'hashParameters'>;
  readonly memoryKib: number;
  readonly passes: number;
}

/** Memory times passes: what a hash costs, whatever the machine. */
const costOf = (parameters: string): number => {
  const [, memory = 0, passes = 0] = (/^m=(\d+),t=(\d+)/.exec(parameters) ?? []).map(Number);
  return memory * passes;
};

/** `password_hashes`: each check of a password computes one hash for each of the parameters that stored ones have. */
export const diagnoseHashes = ({ users, ...today }: Dependencies): Diagnosis => ({
  name: 'password_hashes',
  async check() {
    const current = phcParameters(today);
    const stored = await users.hashParameters();
    const stronger = stored.filter((one) => costOf(one) > costOf(current));
    if (stronger.length === 0) return [];
    const problem = `Some passwords were hashed with ${stronger.join(' and ')}, which is more than today's ${current}: so that nobody learns whose, each check of a password costs both.`;
    const fix =
      'Raise ARGON2_MEMORY_KIB and ARGON2_PASSES again, or have those people set a new password.';
    return [warning(problem, fix)];
  },
});
