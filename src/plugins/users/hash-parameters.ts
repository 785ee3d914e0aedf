/** Which parameters of argon2id the stored hashes have, so that checking a password costs the same whosever it is (SEC-15). */
import type { UserModel } from './model.ts';

export interface HashParameters {
  /** As in a PHC string (`m=19456,t=2,p=1`), each once and in one order: today's, and those of stored hashes. */
  inUse(): readonly string[];
  /** A stored hash has these: they count until the next reading. */
  met(parameters: string): void;
  /** Asks the database again, which knows what other nodes and former settings made. */
  read(): Promise<void>;
}

/** Text that argon2 can read; a hash of another kind is nobody's. */
const READABLE = /^m=\d{1,7},t=\d{1,4},p=\d{1,3}$/;

export const parametersOf = (phc: string): string => phc.split('$')[3] ?? '';

export function createHashParameters(
  today: string,
  users: Pick<UserModel, 'hashParameters'>,
): HashParameters {
  let all: readonly string[] = [today];
  const use = (found: readonly string[]): void => {
    all = [...new Set([today, ...found])].filter((one) => READABLE.test(one)).sort();
  };
  return {
    inUse: () => all,
    met(parameters) {
      if (!all.includes(parameters)) use([...all, parameters]);
    },
    read: async () => use(await users.hashParameters()),
  };
}
