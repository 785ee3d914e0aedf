import type { Client, ClientService } from './contract.ts';

/** Which kind of client it is, and what its access tokens carry. */
export interface TokenSummary {
  readonly kind: 'first-party' | 'third-party';
  readonly access_tokens: {
    readonly aud: readonly string[];
    /** Whether those of users say the roles of the user. */
    readonly roles: boolean;
  };
}

type Resources = ClientService['resources'];

export function summarizeTokens(client: Client, { own, api }: Resources): TokenSummary {
  const usesApi = client.first_party || client.allowed_resources.includes(api);
  const hasUsers = client.grant_types.some((grant) => grant !== 'client_credentials');
  return {
    kind: client.first_party ? 'first-party' : 'third-party',
    access_tokens: { aud: usesApi ? [api, own] : [own], roles: usesApi && hasUsers },
  };
}

/** The same in words, for people. */
export function describeTokens(client: Client, resources: Resources): string {
  const { kind, access_tokens } = summarizeTokens(client, resources);
  const consent = kind === 'first-party' ? 'nobody is asked for consent' : 'people are asked';
  const roles = access_tokens.roles ? 'and say the roles of the user' : 'and say no roles';
  const hint =
    access_tokens.aud.length > 1
      ? ''
      : ` Your own applications are made with --first-party, others get your API with: authsrv client update ${client.client_id} --api`;
  return `A ${kind} client: ${consent}. Its access tokens are for ${access_tokens.aud.join(' and ')} ${roles}.${hint}`;
}
