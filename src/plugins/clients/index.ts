/** Registers OAuth clients and keeps their metadata and secrets (RFC 7591 names). Owns table clients. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { Grants } from '../grants/contract.ts';
import { Revocations } from '../revocations/contract.ts';
import { clientCommands } from './cli.ts';
import { createClientAdapter } from './client-adapter.ts';
import { ClientDeleted, ClientRegistered, Clients } from './contract.ts';
import { diagnoseLogoutUris } from './diagnose-logout-uris.ts';
import { diagnoseResources } from './diagnose-resources.ts';
import { CORE_GRANT_TYPES } from './metadata.ts';
import { createClientModel } from './model.ts';
import { createClientService } from './service.ts';

export const clients = definePlugin({
  name: 'clients',
  kernel: 1,
  dependsOn: ['grants', 'revocations'],
  settings: z.object({}),
  events: [ClientRegistered, ClientDeleted],
  commands: clientCommands,
  setup(context) {
    const model = createClientModel(context.db);
    const resources = { own: context.oidc.issuer, api: context.core.apiAudience };
    const service = createClientService({
      ...context,
      clients: model,
      resources,
      grants: context.use(Grants),
      revocations: context.use(Revocations),
      rules: { grantTypes: CORE_GRANT_TYPES, outgoing: context.outgoing },
    });
    return {
      provides: [provide(Clients, service)],
      oidcModels: { Client: createClientAdapter(model) },
      diagnoses: [
        diagnoseResources(model, resources),
        diagnoseLogoutUris({ clients: model, outgoing: context.outgoing }),
      ],
    };
  },
});
