import type { Contributions } from '../../kernel/plugin.ts';
import type { LinkModel } from './model.ts';

/** What a user was mailed links for. */
export const createUserData = (
  links: LinkModel,
): Pick<Contributions, 'exportUser' | 'eraseUserInBatches'> => ({
  exportUser: { email_links: ({ id }) => links.exportUser(id) },
  eraseUserInBatches: ({ id }, size, transaction) => links.eraseUser(id, size, transaction),
});
