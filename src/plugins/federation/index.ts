/** Signing in with accounts of other providers, and connecting them. Owns table identities. */
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { BrowserSignIns } from '../account/contract.ts';
import { EmailLinks } from '../email-links/contract.ts';
import { Sessions } from '../sessions/contract.ts';
import { Users } from '../users/contract.ts';
import { Federation, IdentityLinked, IdentityUnlinked } from './contract.ts';
import { createFlows } from './flows.ts';
import { createIdentityModel } from './model.ts';
import { arrivalReply, createPages } from './pages.ts';
import { createProviders } from './providers.ts';
import { createRoutes } from './routes.ts';
import { createFederation } from './service.ts';
import { settings } from './settings.ts';
import { createTokenCipher } from './token-cipher.ts';
import { createUpstreamFetch } from './upstream-fetch.ts';

export const federation = definePlugin({
  name: 'federation',
  kernel: 1,
  dependsOn: ['account', 'email-links', 'sessions', 'users'],
  settings,
  events: [IdentityLinked, IdentityUnlinked],
  setup(context) {
    const { core, settings: set } = context;
    const publicUrl = core.publicUrl.href.replace(/\/$/, '');
    const base = core.publicUrl.pathname.replace(/\/$/, '');
    const origins = { origin: core.publicUrl.origin, others: core.corsOrigins };
    const providers = createProviders(set.FEDERATION_DISABLED);
    const identities = createIdentityModel(context.db);
    const keepsTokens = set.FEDERATION_STORE_TOKENS === 'on';
    const service = createFederation({
      ...context,
      ...{ publicUrl, base, providers, identities, registration: core.registration },
      users: context.use(Users),
      sessions: context.use(Sessions),
      accounts: context.use(BrowserSignIns),
      flows: createFlows(context),
      cipher: createTokenCipher(context.secrets.keys('upstream-tokens')),
      keepsTokens,
    });
    const { forgotPath } = context.use(EmailLinks);
    return {
      provides: [
        provide(Federation, {
          fetch: createUpstreamFetch({ fetch: globalThis.fetch }),
          keepsTokens,
          register: providers.register,
          options: service.publicOptions,
          complete: async ({ provider, ...proof }, request) =>
            arrivalReply(base, provider, await service.complete(provider, proof, request)),
          signIn: ({ provider, identity }, request) => service.signIn(provider, identity, request),
          beginInteraction: (provider, { uid, reauthenticate }, request) =>
            service.begin(provider, { kind: 'interaction', uid }, request, reauthenticate),
          finishInteraction: service.finishInteraction,
          linkInteraction: service.linkInteraction,
        }),
      ],
      routes: createRoutes({ federation: service, publicUrl, origins }),
      exportUser: { identities: ({ id }) => identities.exportUser(id) },
      eraseUser: ({ id }, transaction) => identities.eraseUser(id, transaction),
      pages: createPages({ federation: service, base, origins, forgotPath }),
    };
  },
});
