/** What a browser is signed in with at the cookie API: session, access and refresh cookie. Owns the cookie's refresh token. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { Grants } from '../grants/contract.ts';
import { Sessions } from '../sessions/contract.ts';
import { BrowserSessions } from './contract.ts';
import { createRefreshTokens } from './refresh-token.ts';
import { createBrowserSessions } from './service.ts';

export const browserSessions = definePlugin({
  name: 'browser-sessions',
  kernel: 1,
  dependsOn: ['grants', 'sessions'],
  settings: z.object({}),
  setup(context) {
    const { core, oidc, secrets } = context;
    const { issuer, restClient } = oidc;
    const service = createBrowserSessions({
      ...context,
      ...core,
      grants: context.use(Grants),
      sessions: context.use(Sessions),
      tokens: createRefreshTokens({ ...context, issuer, keys: secrets.keys('refresh-token') }),
      clientId: restClient.id,
      scope: restClient.scope,
      audience: core.apiAudience,
    });
    return { provides: [provide(BrowserSessions, service)] };
  },
});
