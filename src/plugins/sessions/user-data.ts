import type { Contributions } from '../../kernel/plugin.ts';
import type { SessionModel } from './model.ts';

/** The login history goes with the user: address and device of each sign-in tell nothing without the person. */
export const createUserData = (
  sessions: SessionModel,
): Pick<Contributions, 'exportUser' | 'eraseUserInBatches'> => ({
  exportUser: {
    sessions: ({ id }) => sessions.exportSessions(id),
    login_history: ({ id }) => sessions.exportHistory(id),
  },
  eraseUserInBatches: ({ id }, size, transaction) => sessions.eraseUser(id, size, transaction),
});
