import { defineEvent } from '../../kernel/events.ts';
import { defineService } from '../../kernel/service.ts';

/** An OAuth client as operators see it (metadata names of RFC 7591). */
export interface Client {
  readonly client_id: string;
  readonly client_name: string;
  readonly redirect_uris: readonly string[];
  readonly post_logout_redirect_uris: readonly string[];
  readonly grant_types: readonly string[];
  readonly token_endpoint_auth_method: string;
  readonly id_token_signed_response_alg: string;
  readonly application_type: 'web' | 'native';
  /** Ours: skips consent. */
  readonly first_party: boolean;
  /** Scopes it may ask for besides openid, profile, email, offline_access (`account`, `admin`, …). */
  readonly allowed_scopes: readonly string[];
  /** Resources besides ours that it may have tokens for (RFC 8707); a first-party client may have them all. */
  readonly allowed_resources: readonly string[];
  readonly backchannel_logout_uri?: string | undefined;
  readonly created_at: Date;
}

export interface NewClient {
  readonly client_name: string;
  readonly redirect_uris?: readonly string[];
  readonly post_logout_redirect_uris?: readonly string[];
  /** Default: authorization_code and refresh_token. */
  readonly grant_types?: readonly string[];
  /** Default: client_secret_basic; `none` for public clients. */
  readonly token_endpoint_auth_method?: string;
  readonly id_token_signed_response_alg?: string;
  readonly application_type?: 'web' | 'native';
  readonly first_party?: boolean;
  readonly allowed_scopes?: readonly string[];
  readonly allowed_resources?: readonly string[];
  readonly backchannel_logout_uri?: string;
  /** JWK Set of a client that authenticates with `private_key_jwt`. */
  readonly jwks?: { readonly keys: readonly object[] };
}

/** `before` is undefined when nobody had decided. */
export interface ResourcesChanged {
  readonly client: Client;
  readonly before: readonly string[] | undefined;
}

export interface ClientService {
  /** Resource indicators (RFC 8707) of this server, which all tokens name, and of the operator's API. */
  readonly resources: { readonly own: string; readonly api: string };
  /** The secret is shown this once; only its hash is kept. Throws `clients:invalid-metadata`. */
  create(client: NewClient): Promise<{ client: Client; client_secret?: string }>;
  list(): Promise<readonly Client[]>;
  find(clientId: string): Promise<Client | undefined>;
  /** The old secret is dead at once. Throws `clients:not-found`, `clients:has-no-secret`. */
  rotateSecret(clientId: string): Promise<string>;
  /**
   * Grants the client these resources and no others. What it loses ends at once: its grants with their tokens; people are
   * signed in again without a question. Throws `clients:not-found`.
   */
  setResources(clientId: string, resources: readonly string[]): Promise<ResourcesChanged>;
  /** Ends its grants with it. Throws `clients:not-found`. */
  delete(clientId: string): Promise<void>;
}

export { isClientSecret } from './client-secret.ts';

export const Clients = defineService<ClientService>('clients');

export const ClientRegistered = defineEvent<{ clientId: string }>('client.registered');
export const ClientDeleted = defineEvent<{ clientId: string }>('client.deleted');
