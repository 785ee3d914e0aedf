/** What people allowed clients to have, and the page that asks them. Owns table consents. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { Clients } from '../clients/contract.ts';
import { Grants } from '../grants/contract.ts';
import { Revocations } from '../revocations/contract.ts';
import { Users } from '../users/contract.ts';
import { createConsentPrompt } from './consent-prompt.ts';
import { Consents } from './contract.ts';
import { createConsentModel } from './model.ts';
import { createRoutes } from './routes.ts';
import { createConsentService } from './service.ts';

export const consent = definePlugin({
  name: 'consent',
  kernel: 1,
  dependsOn: ['users', 'clients', 'grants', 'revocations'],
  settings: z.object({}),
  setup({ db, clock, log, core, use }) {
    const model = createConsentModel(db);
    const consents = createConsentService({
      consents: model,
      grants: use(Grants),
      revocations: use(Revocations),
      clock,
      log,
    });
    const prompt = createConsentPrompt({
      consents,
      users: use(Users),
      clients: use(Clients),
      api: { audience: core.apiAudience, title: core.apiTitle },
    });
    return {
      provides: [provide(Consents, consents)],
      prompts: [prompt],
      routes: createRoutes(consents),
      exportUser: { consents: ({ id }) => model.list(id) },
      // Nobody knows which of them was withdrawn meanwhile.
      afterRestore: () => model.forget(),
      eraseUser: ({ id }, transaction) => model.eraseUser(id, transaction),
      // Whoever was in before may have allowed what the owner would not.
      async credentialsChanged({ userId, by }, transaction) {
        const isSecured = by === 'password-reset' || by === 'address-claimed';
        if (isSecured) await model.eraseUser(userId, transaction);
      },
    };
  },
});
