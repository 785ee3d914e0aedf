import type { Contributions } from '../../kernel/plugin.ts';
import type { SessionModel } from './model.ts';

/** The login history goes with the user: address and device of each sign-in tell nothing without the person. */
export const createUserData = (
  sessions: SessionModel,
): Pick<Contributions, 'exportUser' | 'eraseUser'> => ({
  exportUser: {
    sessions: ({ id }) => sessions.exportSessions(id),
    login_history: ({ id }) => sessions.exportHistory(id),
  },
  eraseUser: ({ id }, transaction) => sessions.eraseUser(id, transaction),
});
