import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { ClientModel, ClientRow } from './model.ts';

/**
 * oidc-provider's `Client` model, read on every use and never written: the service manages clients.
 * `client_secret` is the hash, which `isClientSecret` compares; `first_party`, `allowed_scopes` and
 * `allowed_resources` are metadata of our own.
 */
export function createClientAdapter(clients: Pick<ClientModel, 'find'>): Adapter {
  const unused = async (): Promise<undefined> => undefined;
  const refuse = async (): Promise<never> => {
    throw new Error('Clients are registered and deleted by the clients plugin only');
  };
  return {
    async find(id) {
      const row = await clients.find(id);
      return row && toPayload(row);
    },
    upsert: refuse,
    destroy: refuse,
    consume: unused,
    findByUid: unused,
    findByUserCode: unused,
    revokeByGrantId: unused,
  };
}

type ClientPayload = AdapterPayload & {
  readonly first_party: boolean;
  readonly allowed_scopes: readonly string[];
  readonly allowed_resources: readonly string[];
};

function toPayload({ id, name, secret_hash, metadata, ...own }: ClientRow): ClientPayload {
  return {
    ...metadata,
    client_id: id,
    client_name: name,
    response_types: metadata.grant_types.includes('authorization_code') ? ['code'] : [],
    ...(secret_hash === null ? {} : { client_secret: secret_hash }),
    ...(metadata.backchannel_logout_uri === undefined
      ? {}
      : { backchannel_logout_session_required: true }),
    first_party: own.first_party,
    allowed_scopes: own.allowed_scopes,
    allowed_resources: own.allowed_resources ?? [],
  };
}
