import type { Contributions } from '../../kernel/plugin.ts';
import type { LinkModel } from './model.ts';

/** What a user was mailed links for. */
export const createUserData = (
  links: LinkModel,
): Pick<Contributions, 'exportUser' | 'eraseUserInBatches'> => ({
  exportUser: { email_links: links.exportUser },
  eraseUserInBatches: links.eraseUser,
});
