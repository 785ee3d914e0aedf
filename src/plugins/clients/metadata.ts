/** The rules of client metadata (RFC 7591 §2): all of them, before anything is written. */
import { z } from 'zod';
import type { Outgoing } from '../../kernel/outgoing.ts';
import type { InputError } from '../../kernel/problem.ts';
import { checkJwks } from './check-jwks.ts';
import { checkBackchannelLogoutUri } from './check-logout-uri.ts';
import { checkRedirectUri } from './check-redirect-uri.ts';
import type { NewClient } from './contract.ts';
import { problems } from './problems.ts';

export const CORE_GRANT_TYPES = ['authorization_code', 'refresh_token', 'client_credentials'];

/** `client_secret_jwt` is missing for good: it would need the secret in clear. */
const AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const;
/** RFC 6749 §3.3. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/;
/** Control and formatting characters, lone surrogates: a name must not forge the page it stands on. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const uris = z.array(z.string()).max(50).default([]);

const schema = z.strictObject({
  client_name: z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(100, 'must have at most 100 characters')
    .refine((name) => !UNPRINTABLE.test(name), 'must consist of printable characters'),
  redirect_uris: uris,
  post_logout_redirect_uris: uris,
  grant_types: z.array(z.string()).min(1).default(['authorization_code', 'refresh_token']),
  token_endpoint_auth_method: z.enum(AUTH_METHODS).default('client_secret_basic'),
  id_token_signed_response_alg: z.enum(['RS256', 'ES256']).default('RS256'),
  application_type: z.enum(['web', 'native']).default('web'),
  first_party: z.boolean().default(false),
  allowed_scopes: z
    .array(z.string().regex(SCOPE_TOKEN, 'must be a scope (RFC 6749 §3.3)'))
    .max(50)
    .default([]),
  allowed_resources: z.array(z.url('must be an absolute URI')).max(50).default([]),
  backchannel_logout_uri: z.string().optional(),
  jwks: z.strictObject({ keys: z.array(z.looseObject({})) }).optional(),
});

/** Metadata that obeys all rules, defaults filled in. */
export type ClientMetadata = z.output<typeof schema>;

export interface MetadataRules {
  /** Grant types that the token endpoint knows. */
  readonly grantTypes: readonly string[];
  readonly outgoing: Pick<Outgoing, 'faultOf'>;
}

export const hasSecret = ({
  token_endpoint_auth_method: method,
}: Pick<ClientMetadata, 'token_endpoint_auth_method'>): boolean =>
  method === 'client_secret_basic' || method === 'client_secret_post';

/** Throws `clients:invalid-metadata` with every fault that was found. */
export function parseMetadata(client: NewClient, rules: MetadataRules): ClientMetadata {
  const parsed = schema.safeParse(client);
  if (!parsed.success) throw invalid(parsed.error.issues.map(toInputError));
  const faults = [...findFaults(parsed.data, rules)];
  if (faults.length > 0) throw invalid(faults);
  return parsed.data;
}

const invalid = (errors: readonly InputError[]) => problems.invalidMetadata({ errors });

const toInputError = ({ path, message }: z.core.$ZodIssue): InputError => ({
  pointer: `#/${path.join('/')}`,
  detail: message,
});

function* findFaults(client: ClientMetadata, rules: MetadataRules): Generator<InputError> {
  yield* findUriFaults(client, rules);
  yield* findGrantFaults(client, rules);
  yield* findAuthenticationFaults(client);
  for (const name of [
    'redirect_uris',
    'post_logout_redirect_uris',
    'allowed_scopes',
    'allowed_resources',
  ] as const) {
    if (new Set(client[name]).size < client[name].length)
      yield fault(name, 'must not repeat itself');
  }
}

const fault = (name: string, detail: string): InputError => ({ pointer: `#/${name}`, detail });

function* findUriFaults(
  client: ClientMetadata,
  { outgoing }: MetadataRules,
): Generator<InputError> {
  for (const name of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
    for (const [index, uri] of client[name].entries()) {
      const found = checkRedirectUri(uri, client.application_type);
      if (found) yield fault(`${name}/${index}`, `${JSON.stringify(uri)} ${found}`);
    }
  }
  const uri = client.backchannel_logout_uri;
  const found = uri === undefined ? undefined : checkBackchannelLogoutUri(uri, outgoing);
  if (found) yield fault('backchannel_logout_uri', `${JSON.stringify(uri)} ${found}`);
}

function* findGrantFaults(client: ClientMetadata, rules: MetadataRules): Generator<InputError> {
  const { grant_types: grants, redirect_uris } = client;
  const unknown = grants.find((grant) => !rules.grantTypes.includes(grant));
  if (unknown !== undefined) {
    const known = rules.grantTypes.join(', ');
    yield fault('grant_types', `${JSON.stringify(unknown)} is not one of ${known}`);
  }
  if (new Set(grants).size < grants.length) yield fault('grant_types', 'must not repeat itself');
  if (grants.every((grant) => grant === 'refresh_token')) {
    yield fault('grant_types', 'must hold a grant that refresh tokens come from');
  }
  if (grants.includes('authorization_code') && redirect_uris.length === 0) {
    yield fault('redirect_uris', 'must hold a URI, since authorization_code is a grant type');
  }
  if (grants.includes('client_credentials') && client.token_endpoint_auth_method === 'none') {
    yield fault('grant_types', 'client_credentials is for confidential clients (RFC 6749 §4.4)');
  }
}

function* findAuthenticationFaults(client: ClientMetadata): Generator<InputError> {
  const { token_endpoint_auth_method: method, jwks } = client;
  if (method === 'private_key_jwt' && !jwks) yield fault('jwks', 'private_key_jwt needs it');
  if (method !== 'private_key_jwt' && jwks) yield fault('jwks', 'is for private_key_jwt only');
  const found = jwks && checkJwks(jwks.keys);
  if (found) yield fault('jwks', found);
}
