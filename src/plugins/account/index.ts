/** The cookie REST API under /auth: register, login, refresh, logout, profile. Owns the cookie's refresh token. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { EmailLinks } from '../email-links/contract.ts';
import { Grants } from '../grants/contract.ts';
import { Roles } from '../roles/contract.ts';
import { Sessions } from '../sessions/contract.ts';
import { Users } from '../users/contract.ts';
import { BrowserSignIns } from './contract.ts';
import { createCursors } from './cursor.ts';
import { createOwnData } from './own-data.ts';
import { createOwnDataRoutes } from './own-data-routes.ts';
import { createRefresh } from './refresh.ts';
import { createRefreshTokens } from './refresh-token.ts';
import { createRegistrationRoute } from './registration-routes.ts';
import { createRoutes } from './routes.ts';
import { createSecurityService } from './security.ts';
import { createSecurityRoutes } from './security-routes.ts';
import { createAccountService } from './service.ts';
import { createBrowserSignIn } from './start-session.ts';

export const account = definePlugin({
  name: 'account',
  kernel: 1,
  dependsOn: ['users', 'email-links', 'roles', 'sessions', 'grants'],
  settings: z.object({}),
  setup(context) {
    const { core, oidc, secrets, store, clock } = context;
    const { issuer } = oidc;
    const keys = secrets.keys('refresh-token');
    const services = {
      ...context,
      ...core,
      users: context.use(Users),
      emailLinks: context.use(EmailLinks),
      roles: context.use(Roles),
      sessions: context.use(Sessions),
      grants: context.use(Grants),
      tokens: createRefreshTokens({ issuer, keys, store, clock }),
      clientId: oidc.restClient.id,
      scope: oidc.restClient.scope,
      audience: core.apiAudience,
    };
    const service = createAccountService({
      ...services,
      refresh: createRefresh(services),
    });
    const { admit } = services.users;
    const { mailEnabled } = services.emailLinks;
    const security = createSecurityService({
      ...services,
      cursors: createCursors(secrets.keys('cursors')[0]),
    });
    return {
      provides: [provide(BrowserSignIns, createBrowserSignIn(services))],
      routes: [
        createRegistrationRoute(service, { ...core, admit }),
        ...createRoutes(service, admit),
        ...createOwnDataRoutes(createOwnData({ ...services, issuer })),
        ...createSecurityRoutes(security, { mailEnabled, admit }),
      ],
    };
  },
});
