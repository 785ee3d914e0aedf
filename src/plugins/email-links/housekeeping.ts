import type { Clock } from '../../kernel/clock.ts';
import { type Listener, on } from '../../kernel/events.ts';
import type { Contributions, Task } from '../../kernel/plugin.ts';
import {
  EmailChanged,
  emailSpellings,
  UserRegistered,
  type UserService,
} from '../users/contract.ts';
import type { LinkModel } from './model.ts';

interface Dependencies {
  readonly model: Pick<LinkModel, 'deleteExpired' | 'forget' | 'forgetClaims'>;
  readonly users: Pick<UserService, 'find'>;
  readonly clock: Clock;
}

/** Forgets links that expired. */
export const createTask = ({ model, clock }: Dependencies): Task => ({
  name: 'email-links.housekeeping',
  every: 600,
  run: async () => {
    await model.deleteExpired(new Date(clock.now()));
  },
});

/**
 * Once an address has a user, nobody who asked for it before gets it (SEC-12): not later either, when that user is gone.
 * Until this has run, the unique index says the same.
 */
export function createListeners({ model, users }: Dependencies): readonly Listener[] {
  const forget = async ({ userId }: { readonly userId: string }): Promise<void> => {
    const user = await users.find(userId);
    if (user) await model.forgetClaims(emailSpellings(user.email));
  };
  return [on(UserRegistered, forget), on(EmailChanged, forget)];
}

export const createHousekeeping = (
  dependencies: Dependencies,
): Pick<Contributions, 'afterRestore' | 'listeners' | 'tasks'> => ({
  listeners: createListeners(dependencies),
  tasks: [createTask(dependencies)],
  // Those that were used meanwhile would be good once more.
  afterRestore: () => dependencies.model.forget(),
});
