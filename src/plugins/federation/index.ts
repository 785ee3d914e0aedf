/** Signing in with accounts of other providers, and connecting them. Owns table identities. */
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { BrowserSessions } from '../browser-sessions/contract.ts';
import { EmailLinks } from '../email-links/contract.ts';
import { Mails } from '../mail/contract.ts';
import { Sessions } from '../sessions/contract.ts';
import { Users } from '../users/contract.ts';
import { Federation, IdentityLinked, IdentityUnlinked } from './contract.ts';
import { diagnoseProviders } from './diagnose.ts';
import { createFlows } from './flows.ts';
import { createIdentityLetters } from './identity-letters.ts';
import { createIdentityModel } from './model.ts';
import { createPages } from './pages.ts';
import { createProviders } from './providers.ts';
import { createPublicService } from './public-service.ts';
import { createRoutes } from './routes.ts';
import { createRenewSeals } from './service/renew-seals.ts';
import { createFederation } from './service.ts';
import { settings } from './settings.ts';
import { createTokenCipher } from './token-cipher.ts';
import { createUpstreamFetch } from './upstream-fetch.ts';

export const federation = definePlugin({
  name: 'federation',
  kernel: 1,
  dependsOn: ['browser-sessions', 'email-links', 'mail', 'sessions', 'users'],
  settings,
  events: [IdentityLinked, IdentityUnlinked],
  setup(context) {
    const { core, settings: set } = context;
    const publicUrl = core.publicUrl.href.replace(/\/$/, '');
    const base = core.publicUrl.pathname.replace(/\/$/, '');
    const origins = { origin: core.publicUrl.origin, others: core.corsOrigins };
    const users = context.use(Users);
    const providers = createProviders(set.FEDERATION_DISABLED);
    const identities = createIdentityModel(context.db);
    const keepsTokens = set.FEDERATION_STORE_TOKENS === 'on';
    const cipher = createTokenCipher(context.secrets.keys('upstream-tokens'));
    const renewSeals = createRenewSeals({ ...context, identities, cipher });
    const tell = createIdentityLetters({ mails: context.use(Mails), publicUrl });
    const service = createFederation({
      ...context,
      ...core,
      ...{ base, users, providers, identities, tell },
      ...{ sessions: context.use(Sessions), browsers: context.use(BrowserSessions) },
      ...{ flows: createFlows(context), cipher, keepsTokens },
    });
    const fetch = createUpstreamFetch(context.outgoing, providers.issuers);
    const { forgotPath, showAtReset } = context.use(EmailLinks);
    showAtReset(service.identities.ways);
    return {
      provides: [
        provide(Federation, createPublicService({ service, providers, keepsTokens, base, fetch })),
      ],
      routes: createRoutes({ federation: service, publicUrl, origins }),
      exportUser: { identities: ({ id }) => identities.exportUser(id) },
      eraseUser: ({ id }, transaction) => identities.eraseUser(id, transaction),
      credentialsChanged: service.identities.credentialsChanged,
      diagnoses: [diagnoseProviders({ ...context, ...core, providers, fetch })],
      pages: createPages({ federation: service, base, origins, forgotPath, admit: users.admit }),
      start: () => renewSeals().then(() => providers.warnOfUnknown(context.log)),
    };
  },
});
