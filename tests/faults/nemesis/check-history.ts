import { checkNotUndone } from './checks/not-undone.ts';
import { checkRecovery } from './checks/recovery.ts';
import { checkRegistrations } from './checks/registrations.ts';
import { checkResources } from './checks/resources.ts';
import { checkServerErrors } from './checks/server-errors.ts';
import { checkSingleUse } from './checks/single-use.ts';
import { checkSuperusers } from './checks/superusers.ts';
import type { History } from './history.ts';

const CHECKS = {
  I1: checkSingleUse,
  I2: checkNotUndone,
  I3: checkRegistrations,
  I4: checkSuperusers,
  I5: checkServerErrors,
  I6: checkRecovery,
  I7: checkResources,
};

/** Every way in which a history breaks an invariant, a line each: `I1: …`. */
export const checkHistory = (history: History): string[] =>
  Object.entries(CHECKS).flatMap(([name, check]) =>
    check(history).map((violation) => `${name}: ${violation}`),
  );
