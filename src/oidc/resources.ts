/**
 * The two resources that access tokens are for (RFC 8707): this server itself, which every token names, and the
 * operator's API, which tokens name that its clients get. Who they are for decides whether they carry roles.
 */
import { type AdapterPayload, errors, type Grant, type KoaContextWithOIDC } from 'oidc-provider';
import { REST_CLIENT_ID } from './scopes.ts';

/** Identifiers of both; each is also the `aud` of its tokens. */
export interface Resources {
  /** The issuer identifier. */
  readonly own: string;
  /** API_AUDIENCE. */
  readonly api: string;
}

/** oidc-provider's client with our own metadata. */
interface ResourceClient {
  readonly clientId: string;
  readonly [metadata: string]: unknown;
}

/** The API is for first-party clients and those it was granted to; no scope implies it. */
export function mayUseApi(client: ResourceClient, { api }: Resources): boolean {
  if (client.clientId === REST_CLIENT_ID || client['first_party'] === true) return true;
  const granted = client['allowed_resources'];
  return Array.isArray(granted) && granted.includes(api);
}

/** The resources of one grant, which all of them have its scopes. */
type ScopesByResource = Readonly<Record<string, string>>;

const resourcesOf = (grant: Grant | undefined): ScopesByResource | undefined =>
  (grant as unknown as { resources?: ScopesByResource } | undefined)?.resources;

/**
 * Whether this request gets tokens for the API: its client may use it, and where a person gave a grant, that was given
 * for the API too.
 */
function givesApi({ oidc }: KoaContextWithOIDC, resources: Resources): boolean {
  const { client, entities } = oidc;
  if (!client || !mayUseApi(client, resources)) return false;
  const { Grant: grant } = entities;
  return !grant || Object.hasOwn(resourcesOf(grant) ?? {}, resources.api);
}

/** Whether a token for this resource is one for the API. */
export const isForApi = (
  ctx: KoaContextWithOIDC,
  resource: string | undefined,
  resources: Resources,
): boolean => resource === resources.api && givesApi(ctx, resources);

/**
 * Of a request that names no resource, or whose grant has several: the API where the request may have it, since its tokens
 * name this server as well.
 */
export const defaultResource = (
  ctx: KoaContextWithOIDC,
  granted: readonly string[] | undefined,
  resources: Resources,
): string => {
  const { api, own } = resources;
  return givesApi(ctx, resources) && (granted?.includes(api) ?? true) ? api : own;
};

/** Throws InvalidTarget for a resource that is none of ours, or that this request may not have (RFC 8707 §2). */
export function checkResource(
  ctx: KoaContextWithOIDC,
  resource: string,
  resources: Resources,
): void {
  if (resource !== resources.own && !isForApi(ctx, resource, resources)) {
    throw new errors.InvalidTarget();
  }
}

/** The `aud` of tokens for a resource. Throws InvalidTarget as `checkResource`. */
export function audienceOf(
  ctx: KoaContextWithOIDC,
  resource: string,
  resources: Resources,
): string {
  // A sign-in that was begun before the client lost the API, or under a version that gave it to all, goes on without it.
  const isBegun = ctx.oidc.route === 'resume' && resource === resources.api;
  if (isBegun && !isForApi(ctx, resource, resources)) return resources.own;
  checkResource(ctx, resource, resources);
  return resource;
}

/**
 * How codes, refresh tokens and grants name their resources in the stores. The version before knows one resource, the API:
 * its records are read, and ours are written so that it reads them, while both run side by side. Which resources a
 * person really gave is in the grant's `audiences`.
 */
export interface StoredResources {
  /** Of a code or refresh token, to be stored. */
  write(payload: AdapterPayload): AdapterPayload;
  /** Of a code or refresh token, as stored: it is good for whatever its grant is good for. */
  read(payload: AdapterPayload): AdapterPayload;
  /** A grant as stored, for the client that calls. */
  readGrant(payload: AdapterPayload, client: ResourceClient | undefined): AdapterPayload;
}

export const createStoredResources = (resources: Resources): StoredResources => ({
  write: (payload) => ('resource' in payload ? { ...payload, resource: resources.api } : payload),

  read: (payload) =>
    'resource' in payload
      ? { ...payload, resource: [...new Set([resources.api, resources.own])] as never }
      : payload,

  readGrant(payload, client) {
    const { audiences, ...grant } = payload as AdapterPayload & {
      readonly audiences?: readonly string[];
      readonly resources?: ScopesByResource;
    };
    const [scope = ''] = Object.values(grant.resources ?? {});
    // A grant of the version before names no audiences. What a third party got there was never allowed for the API.
    const isApi = audiences?.includes(resources.api) ?? client?.['first_party'] === true;
    const given = isApi ? [resources.own, resources.api] : [resources.own];
    return { ...grant, resources: Object.fromEntries(given.map((name) => [name, scope])) };
  },
});
