import { z } from 'zod';
import { access, defineRoute, type Route } from '../../kernel/route.ts';
import type { Consent, ConsentService } from './contract.ts';
import { problems } from './problems.ts';

const ClientId = z.strictObject({ client_id: z.string().min(1).max(255) });

const ConsentList = z
  .object({
    consents: z.array(
      z.object({
        client_id: z.string(),
        client_name: z.string(),
        scopes: z.array(z.string()),
        resources: z.array(z.string()),
        created_at: z.iso.datetime(),
        updated_at: z.iso.datetime(),
      }),
    ),
  })
  .meta({ id: 'ConsentList' });

const consentBody = ({
  clientId,
  clientName,
  scopes,
  resources,
  createdAt,
  updatedAt,
}: Consent) => ({
  client_id: clientId,
  client_name: clientName,
  scopes: [...scopes],
  resources: [...resources],
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
});

/** `/auth/consents`: what the signed-in person allowed applications to have. */
export const createRoutes = (
  consents: Pick<ConsentService, 'list' | 'withdraw'>,
): readonly Route[] => [
  defineRoute({
    method: 'get',
    path: '/auth/consents',
    access: access.user(),
    summary: 'The applications that may use this account, oldest first',
    success: { status: 200, schema: ConsentList },
    problems: [],
    handle: async ({ principal }) => ({
      body: { consents: (await consents.list(principal.sub)).map(consentBody) },
    }),
  }),
  defineRoute({
    method: 'delete',
    path: '/auth/consents/:client_id',
    access: access.own(access.user()),
    summary: 'Allow an application nothing any more; its tokens end',
    params: ClientId,
    success: { status: 204 },
    problems: [problems.notFound],
    async handle({ principal, params: { client_id: clientId } }) {
      const given = await consents.list(principal.sub);
      if (!given.some((one) => one.clientId === clientId)) throw problems.notFound();
      await consents.withdraw(principal.sub, clientId);
      return {};
    },
  }),
];
