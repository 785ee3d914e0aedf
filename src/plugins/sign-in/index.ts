/** The hosted sign-in and registration pages: oidc-provider's `login` prompt, and `select_account`. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { BrowserSessions } from '../browser-sessions/contract.ts';
import { EmailLinks } from '../email-links/contract.ts';
import { Federation } from '../federation/contract.ts';
import { Sessions } from '../sessions/contract.ts';
import { Users } from '../users/contract.ts';
import { createHomePage } from './pages.ts';
import { createPrompts } from './prompts.ts';
import { createSignInService } from './service.ts';

export const signIn = definePlugin({
  name: 'sign-in',
  kernel: 1,
  dependsOn: ['browser-sessions', 'email-links', 'federation', 'users', 'sessions'],
  settings: z.object({}),
  setup(context) {
    const users = context.use(Users);
    const emailLinks = context.use(EmailLinks);
    const sessions = context.use(Sessions);
    const browsers = context.use(BrowserSessions);
    const service = createSignInService({ ...context, users, emailLinks, sessions, browsers });
    const { registration } = context.core;
    const mayRegister = registration !== 'closed';
    const registersByMail = registration === 'strict';
    const { forgotPath } = emailLinks;
    const { admit } = users;
    const federation = context.use(Federation);
    return {
      pages: [createHomePage(context.core.publicUrl.pathname.replace(/\/$/, ''))],
      prompts: createPrompts({
        ...{ service, users, federation, mayRegister, registersByMail, forgotPath, admit },
      }),
    };
  },
});
