/** The cookie REST API under /auth: register, login, refresh, logout, profile. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { BrowserSessions } from '../browser-sessions/contract.ts';
import { EmailLinks } from '../email-links/contract.ts';
import { Grants } from '../grants/contract.ts';
import { Roles } from '../roles/contract.ts';
import { Sessions } from '../sessions/contract.ts';
import { Users } from '../users/contract.ts';
import { createCursors } from './cursor.ts';
import { createOwnData } from './own-data.ts';
import { createOwnDataRoutes } from './own-data-routes.ts';
import { createRefresh } from './refresh.ts';
import { createRegistrationRoute } from './registration-routes.ts';
import { createRoutes } from './routes.ts';
import { createSecurityService } from './security.ts';
import { createSecurityRoutes } from './security-routes.ts';
import { createAccountService } from './service.ts';

export const account = definePlugin({
  name: 'account',
  kernel: 1,
  dependsOn: ['users', 'email-links', 'roles', 'sessions', 'grants', 'browser-sessions'],
  settings: z.object({}),
  setup(context) {
    const { core, oidc, secrets } = context;
    const browsers = context.use(BrowserSessions);
    const services = {
      ...context,
      ...core,
      users: context.use(Users),
      emailLinks: context.use(EmailLinks),
      roles: context.use(Roles),
      sessions: context.use(Sessions),
      grants: context.use(Grants),
      ...{ browsers, tokens: browsers.tokens },
      scope: oidc.restClient.scope,
    };
    const service = createAccountService({ ...services, refresh: createRefresh(services) });
    const { admit } = services.users;
    const { mailEnabled } = services.emailLinks;
    const security = createSecurityService({
      ...services,
      cursors: createCursors(secrets.keys('cursors')[0]),
    });
    return {
      routes: [
        createRegistrationRoute(service, { ...core, admit }),
        ...createRoutes(service, admit),
        ...createOwnDataRoutes(createOwnData({ ...services, issuer: oidc.issuer })),
        ...createSecurityRoutes(security, { mailEnabled, admit }),
      ],
    };
  },
});
