/** The consent page: oidc-provider's `consent` prompt (OIDC Core §3.1.2.4). */
import {
  CLIENT_SCOPES,
  type Interaction,
  type InteractionInput,
  type Prompt,
} from '../../kernel/oidc.ts';
import type { ClientService } from '../clients/contract.ts';
import type { UserService } from '../users/contract.ts';
import type { ConsentService } from './contract.ts';
import { problems } from './problems.ts';
import { describeApi, describeScope } from './scope-texts.ts';

interface Dependencies {
  readonly consents: Pick<ConsentService, 'allow'>;
  readonly users: Pick<UserService, 'find'>;
  readonly clients: Pick<ClientService, 'find'>;
  /** The operator's API: `aud` of its tokens, and what people know it by. */
  readonly api: { readonly audience: string; readonly title: string };
}

/** Scopes that every client may ask for; the rest is in its `allowed_scopes`. */
const OPEN_SCOPES = ['openid', 'profile', 'email', 'offline_access'];

export function createConsentPrompt({ consents, users, clients, api }: Dependencies): Prompt {
  /** Who is asked by whom for what. Throws when it is not this prompt's turn, or a party is gone. */
  const readRequest = async ({ prompt, session, client, params }: Interaction) => {
    // A post to a step that is not open must not count as its answer (authentik CVE-2026-49448).
    if (prompt !== 'consent' || !session) throw problems.nothingToAllow();
    const [user, registered] = await Promise.all([
      users.find(session.userId),
      clients.find(client.id),
    ]);
    if (!user || user.disabledAt || !registered) throw problems.partyGone();
    const grantable = new Set([...OPEN_SCOPES, ...registered.allowed_scopes]);
    for (const scope of CLIENT_SCOPES) grantable.delete(scope);
    const mayUseApi = registered.first_party || registered.allowed_resources.includes(api.audience);
    const usesApi = mayUseApi && [params['resource']].flat().includes(api.audience);
    return {
      user,
      session,
      scopes: requestedScopes(params).filter((scope) => grantable.has(scope)),
      resources: usesApi ? [api.audience] : [],
    };
  };

  return {
    name: 'consent',

    async show({ interaction, csrf }: InteractionInput) {
      const { user, scopes, resources } = await readRequest(interaction);
      const { name, redirectHost } = interaction.client;
      return {
        view: 'consent/consent',
        locals: {
          title: `Allow ${name}?`,
          action: interaction.url('allow'),
          denyAction: interaction.url('deny'),
          csrf,
          client: { name, redirectHost },
          scopes: [
            ...scopes.map(describeScope),
            ...resources.map((audience) => describeApi(audience, api.title)),
          ],
          account: { email: user.email },
        },
      };
    },

    actions: {
      async allow({ interaction }) {
        const { user, session, ...given } = await readRequest(interaction);
        await consents.allow(user.id, interaction.client.id, given, session.uid);
        return { finish: { consent: {} } };
      },
      async deny({ interaction }) {
        if (interaction.prompt !== 'consent') throw problems.nothingToAllow();
        return { finish: { error: 'access_denied' } };
      },
    },
  };
}

function requestedScopes({ scope }: Interaction['params']): string[] {
  const names = typeof scope === 'string' ? scope.split(' ') : [];
  return [...new Set(names.filter((name) => name !== ''))];
}
