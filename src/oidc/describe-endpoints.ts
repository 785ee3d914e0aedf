/** The endpoints of oidc-provider as OpenAPI operations: short, since discovery and the RFCs say the rest. */

interface Operation {
  readonly summary: string;
  /** Parameters, in the query of a GET and the form of a POST. */
  readonly parameters: readonly string[];
  readonly required?: readonly string[];
  /** What success answers, by status: JSON of such a schema, a page, or nothing. */
  readonly success: Readonly<Record<number, Answer>>;
  /** `form`: the client authenticates itself; `bearer`: an access token is presented. */
  readonly security?: 'client' | 'bearer';
  /** Whether failures are shown to a person. */
  readonly page?: boolean;
}

type Answer =
  | { readonly json: object; readonly type?: string }
  | { readonly page: true }
  | 'empty'
  | 'redirect'
  | 'unchanged';

type Routes = Readonly<
  Record<
    | 'authorization'
    | 'token'
    | 'userinfo'
    | 'introspection'
    | 'revocation'
    | 'pushed_authorization_request'
    | 'end_session'
    | 'jwks',
    string
  >
>;

const string = { type: 'string' };
const open = (required: readonly string[], properties: object = {}): Answer => ({
  json: {
    type: 'object',
    properties: { ...Object.fromEntries(required.map((name) => [name, {}])), ...properties },
    required: [...required],
  },
});

const AUTHORIZATION =
  'client_id response_type redirect_uri scope state nonce response_mode code_challenge code_challenge_method prompt max_age login_hint id_token_hint acr_values ui_locales claims resource dpop_jkt request_uri';

const TOKEN =
  'grant_type code redirect_uri code_verifier refresh_token scope resource client_id client_secret client_assertion client_assertion_type';

const CLIENT = 'client_id client_secret client_assertion client_assertion_type';

const words = (text: string): string[] => text.split(' ');

const METADATA = open(words('issuer authorization_endpoint token_endpoint jwks_uri'), {
  issuer: string,
});

const KEYS = {
  json: {
    type: 'object',
    properties: { keys: { type: 'array', items: { type: 'object' } } },
    required: ['keys'],
  },
  type: 'application/jwk-set+json',
};

const AUTHORIZE = {
  summary: 'Start an authorization: code flow with PKCE S256 (RFC 6749 §4.1, RFC 7636, OIDC Core)',
  parameters: words(AUTHORIZATION),
  success: { 200: { page: true }, 303: 'redirect' },
  page: true,
} as const satisfies Operation;

const LOGOUT = {
  summary: 'Sign out, asked for by a client (OIDC RP-Initiated Logout)',
  parameters: words('id_token_hint post_logout_redirect_uri state client_id logout_hint'),
  success: { 200: { page: true }, 303: 'redirect' },
  page: true,
} as const satisfies Operation;

const USERINFO = {
  summary: 'Claims about the user of an access token (OIDC Core §5.3)',
  parameters: [],
  success: { 200: open(['sub'], { sub: string }) },
  security: 'bearer',
} as const satisfies Operation;

/** Path → method → what there is to say. */
const endpoints = (
  routes: Routes,
): Readonly<Record<string, Readonly<Record<string, Operation>>>> => ({
  '/.well-known/openid-configuration': {
    get: {
      summary: 'Discovery (OIDC Discovery)',
      parameters: [],
      success: { 200: METADATA, 304: 'unchanged' },
    },
  },
  '/.well-known/oauth-authorization-server': {
    get: {
      summary: 'Metadata (RFC 8414)',
      parameters: [],
      success: { 200: METADATA, 304: 'unchanged' },
    },
  },
  [routes.jwks]: {
    get: {
      summary: 'Public keys (RFC 7517)',
      parameters: [],
      success: { 200: KEYS, 304: 'unchanged' },
    },
  },
  [routes.authorization]: { get: AUTHORIZE },
  [routes.pushed_authorization_request]: {
    post: {
      summary: 'Push an authorization request (RFC 9126)',
      parameters: [...new Set([...words(AUTHORIZATION), ...words(CLIENT)])],
      success: { 201: open(['request_uri', 'expires_in'], { request_uri: string }) },
      security: 'client',
    },
  },
  [routes.token]: {
    post: {
      summary: 'Codes, refresh tokens and client credentials for tokens (RFC 6749 §3.2)',
      parameters: words(TOKEN),
      required: ['grant_type'],
      success: {
        200: open(['access_token', 'token_type', 'expires_in'], {
          access_token: string,
          token_type: { enum: ['Bearer', 'DPoP'] },
          expires_in: { type: 'integer' },
          id_token: string,
          refresh_token: string,
          scope: string,
        }),
      },
      security: 'client',
    },
  },
  [routes.introspection]: {
    post: {
      summary: 'Is a token active, and whose is it (RFC 7662)',
      parameters: ['token', 'token_type_hint', ...words(CLIENT)],
      required: ['token'],
      success: { 200: open(['active'], { active: { type: 'boolean' } }) },
      security: 'client',
    },
  },
  [routes.revocation]: {
    post: {
      summary: 'Revoke a token (RFC 7009)',
      parameters: ['token', 'token_type_hint', ...words(CLIENT)],
      required: ['token'],
      success: { 200: 'empty' },
      security: 'client',
    },
  },
  [routes.userinfo]: { get: USERINFO, post: USERINFO },
  [routes.end_session]: { get: LOGOUT },
});

const contentOf = (answer: Answer): object => {
  if (answer === 'empty' || answer === 'unchanged') return {};
  // Koa says where to in a line, in what the client accepts.
  if (answer === 'redirect') {
    return { content: { 'text/html': { schema: string }, 'text/plain': { schema: string } } };
  }
  if ('page' in answer) return { content: { 'text/html': { schema: string } } };
  return { content: { [answer.type ?? 'application/json']: { schema: answer.json } } };
};

const describeAnswer = (answer: Answer): string => {
  if (answer === 'redirect') return 'On to the next page, or back to the client';
  if (answer === 'empty') return 'Done';
  if (answer === 'unchanged') return 'As the ETag in If-None-Match says';
  return 'page' in answer ? 'A page' : 'The answer';
};

/** RFC 6749 §5.2 */
const OAUTH_ERROR = {
  type: 'object',
  properties: {
    error: string,
    error_description: string,
    scope: string,
    state: string,
    iss: string,
  },
  required: ['error'],
};

const failure = (description: string, page: boolean): object => ({
  description,
  content: {
    'application/json': { schema: OAUTH_ERROR },
    ...(page ? { 'text/html': { schema: string } } : {}),
  },
});

const failures = ({ page = false, security }: Operation): object => ({
  400: failure('invalid_request and its like', page),
  ...(security ? { 401: failure('invalid_client or invalid_token', page) } : {}),
  ...(security === 'bearer' ? { 403: failure('insufficient_scope', page) } : {}),
  429: failure('temporarily_unavailable: too many requests', page),
  500: failure('server_error', page),
  503: failure('temporarily_unavailable', page),
});

const SECURITY = {
  client: [{ clientSecret: [] }, {}],
  bearer: [{ bearer: [] }],
} as const;

const headers = { 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' } };

const withHeaders = (responses: object): object =>
  Object.fromEntries(
    Object.entries(responses).map(([status, one]) => [status, { ...one, headers }]),
  );

const form = ({ parameters, required = [] }: Operation): object =>
  parameters.length === 0
    ? {}
    : {
        requestBody: {
          content: {
            'application/x-www-form-urlencoded': {
              schema: {
                type: 'object',
                properties: Object.fromEntries(parameters.map((name) => [name, string])),
                required: [...required],
              },
            },
          },
        },
      };

const query = ({ parameters }: Operation): object => ({
  parameters: parameters.map((name) => ({ name, in: 'query', schema: string })),
});

function operation(path: string, method: string, one: Operation): object {
  const id = path
    .split(/[^A-Za-z]+/)
    .filter(Boolean)
    .join('-');
  const successes = Object.entries<Answer>(one.success).map(([status, answer]) => [
    status,
    { description: describeAnswer(answer), ...contentOf(answer) },
  ]);
  return {
    operationId: `${method}-${id}`,
    tags: ['oauth2'],
    summary: one.summary,
    security: one.security ? SECURITY[one.security] : [],
    ...(method === 'post' ? form(one) : query(one)),
    responses: withHeaders({ ...Object.fromEntries(successes), ...failures(one) }),
  };
}

/** OpenAPI path items of the endpoints at these paths. */
export const describeEndpoints = (
  routes: Routes,
): Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>> =>
  Object.fromEntries(
    Object.entries(endpoints(routes)).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, one]) => [
          method,
          operation(path, method, one) as Record<string, unknown>,
        ]),
      ),
    ]),
  );
