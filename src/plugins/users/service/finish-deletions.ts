import { type Diagnosis, type Log, warning } from '../../../kernel/plugin.ts';
import type { UserService } from '../contract.ts';
import type { UserModel } from '../model.ts';

/** Seconds from one look for deletions that were cut off to the next. */
export const FINISH_EVERY = 60;
/** Seconds after which a deletion that is not through has something against it. */
const LATE = 3_600;
/** Users of one look. */
const LIMIT = 100;

interface Dependencies {
  readonly users: Pick<UserModel, 'beingDeleted' | 'findById'>;
  readonly remove: UserService['delete'];
  readonly log: Pick<Log, 'warn'>;
}

/** Goes on with the deletions that a kill or a lost store cut off; one that cannot be finished keeps no other waiting. */
export function createFinishDeletions({ users, remove, log }: Dependencies): () => Promise<void> {
  return async () => {
    for (const id of await users.beingDeleted(0, LIMIT)) {
      await remove(id).catch(async (error: unknown) => {
        // Another node was faster.
        if (!(await users.findById(id))) return;
        const fields = { event: 'user.deletion_failed', sub: id, err: error };
        log.warn(fields, 'the deletion of a user stopped half-way and is tried again');
      });
    }
  };
}

/** `user_deletions`: those that began an hour ago are through. */
export const diagnoseDeletions = (users: Pick<UserModel, 'beingDeleted'>): Diagnosis => ({
  name: 'user_deletions',
  async check() {
    const late = await users.beingDeleted(LATE, LIMIT);
    if (late.length === 0) return [];
    const problem = `${late.length} users have been half deleted for more than an hour: ${late.slice(0, 3).join(', ')}${late.length > 3 ? ', …' : ''}.`;
    const fix =
      'Nodes try again each minute: see in their logs why "user.deletion_failed" comes, or delete them with `authsrv user delete`.';
    return [warning(problem, fix)];
  },
});
