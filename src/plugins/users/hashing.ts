/** The hashing of passwords, with its queue, and what it knows of the stored hashes. */
import type { z } from 'zod';
import type { Contributions, PluginContext } from '../../kernel/plugin.ts';
import { hashSlots } from './contract.ts';
import { diagnoseHashes } from './diagnose.ts';
import { createHashParameters } from './hash-parameters.ts';
import { createHashQueue, type HashQueue } from './hash-queue.ts';
import type { UserModel } from './model.ts';
import { createPasswordHasher, type PasswordHasher, phcParameters } from './password-hasher.ts';
import { parsePeppers } from './pepper.ts';
import type { settings } from './settings.ts';

interface Hashing {
  readonly hasher: PasswordHasher;
  readonly admit: HashQueue['admit'];
  readonly contributions: Required<Pick<Contributions, 'gauges' | 'diagnoses' | 'tasks' | 'start'>>;
}

/** Seconds from one look at the parameters of stored hashes to the next. */
const LOOK = 30;

export function createHashing(
  context: PluginContext<z.output<typeof settings>>,
  users: Pick<UserModel, 'hashParameters'>,
): Hashing {
  const { settings: set } = context;
  const queue = createHashQueue({
    slots: hashSlots(set.HASH_SLOTS),
    waiting: set.HASH_QUEUE,
    patience: set.HASH_PATIENCE * 1000,
    ...context,
  });
  const argon2 = { memoryKib: set.ARGON2_MEMORY_KIB, passes: set.ARGON2_PASSES };
  const parameters = createHashParameters(phcParameters(argon2), users);
  const peppers = parsePeppers(set.PASSWORD_PEPPER);
  return {
    hasher: createPasswordHasher({ ...context, ...argon2, peppers, parameters, queue }),
    admit: queue.admit,
    contributions: {
      gauges: queue.gauges,
      diagnoses: [diagnoseHashes({ ...argon2, users })],
      tasks: [{ name: 'users.hash-parameters', every: LOOK, run: parameters.read }],
      start: parameters.read,
    },
  };
}
