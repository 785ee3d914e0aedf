/** Requests for an operation of the document: valid ones, and ones with something wrong in them. */
import fc from 'fast-check';
import {
  NAUGHTY_BODIES,
  NAUGHTY_ENCODED,
  NAUGHTY_HEADERS,
  NAUGHTY_LINES,
  NAUGHTY_QUERIES,
  NAUGHTY_STRINGS,
  NAUGHTY_VALUES,
} from './naughty-values.ts';
import { type Known, type Schema, type Schemas, valuesOf } from './values-of-schema.ts';

interface Media {
  readonly schema: Schema;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface Operation {
  readonly method: string;
  /** `/users/{id}` */
  readonly path: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
}

/** Text in double braces is replaced when the request is sent: `Cast` knows by what. */
export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly actor: 'nobody' | 'user' | 'superuser';
  /** How the actor shows its token. */
  readonly by: 'cookie' | 'bearer';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  /** A line that goes over a socket of its own, past every client library. */
  readonly line?: string;
}

/** Mostly the first, which is right; else one of the others. */
const mostly = (right: string, ...others: readonly string[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(right) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );

const known: Record<string, () => fc.Arbitrary<unknown>> = {
  email: () =>
    fc.oneof(
      fc.constant('{{email}}'),
      fc.uuid().map((id) => `fuzz-${id}@example.com`),
      fc.emailAddress(),
    ),
  password: () => fc.constantFrom('{{password}}', '{{password}}', 'nothing like it at all'),
  current_password: () => fc.constantFrom('{{password}}', 'nothing like it at all'),
  new_password: () => fc.stringMatching(/^[a-z]{5} [a-z]{6} herons [a-z]{7}$/),
  name: () => fc.oneof(fc.stringMatching(/^[a-z][a-z0-9-]{2,20}$/), fc.string()),
  client_id: () => mostly('{{client_id}}', 'nobody'),
  redirect_uri: () => mostly('{{redirect_uri}}', 'https://evil.example'),
  post_logout_redirect_uri: () => fc.constant('https://rp.example.com/'),
  response_type: () => mostly('code', 'token'),
  response_mode: () => mostly('query', 'form_post', 'x'),
  grant_type: () => mostly('client_credentials', 'authorization_code', 'refresh_token', 'x'),
  scope: () => mostly('openid', 'openid email offline_access', 'x'),
  code_challenge: () => fc.constant('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'),
  code_challenge_method: () => mostly('S256', 'plain'),
  prompt: () => mostly('login', 'none', 'consent', 'select_account', 'x'),
  max_age: () => mostly('100', '0', '-1', 'x'),
  token: () => fc.constantFrom('{{access}}', 'x.y.z', 'A'.repeat(43)),
};

/** Members that make most requests to OpenID Connect invalid when any text is in them. */
const RARE = new Set(
  'claims client_secret client_assertion client_assertion_type request_uri resource id_token_hint dpop_jkt acr_values state'.split(
    ' ',
  ),
);

/** Optional members that requests to OpenID Connect mostly have. */
const USUAL = new Set(
  'client_id response_type redirect_uri code_challenge code_challenge_method scope'.split(' '),
);

const lookUp: Known = (name) => known[name]?.();

/** Ids of what exists, by template. What is deleted is nothing that requests at the same time are about. */
const existing = ({ method, path: template }: Operation, name: string): string[] => {
  if (method === 'delete' && template === '/roles/{id}') return ['{{spare_role}}'];
  if (method === 'delete' && template === '/users/{id}') return ['{{spare_user}}', '{{self}}'];
  if (name === 'client_id') return ['{{client_id}}'];
  if (name === 'roleId' || template.startsWith('/roles')) return ['{{role}}'];
  if (template.startsWith('/users')) return ['{{target}}', '{{self}}'];
  // Providers whose pages nobody needs to reach.
  if (template.startsWith('/oauth2')) return ['github'];
  return template.includes('sessions') ? ['{{session}}'] : [];
};

const encoded = (value: unknown): string =>
  encodeURIComponent(String(value).toWellFormed())
    .replaceAll('%7B%7B', '{{')
    .replaceAll('%7D%7D', '}}');

const naughtyEncoded = fc.oneof(
  fc.constantFrom(...NAUGHTY_ENCODED),
  fc.constantFrom(...NAUGHTY_STRINGS.filter((text) => text.length < 4000)).map(encoded),
);

type Faults = ReadonlySet<Fault>;
type Fault = 'path' | 'query' | 'body' | 'header' | 'line';

function pathOf(operation: Operation, faults: Faults, schemas: Schemas) {
  const { path, parameters = [] } = operation;
  const places = parameters.filter((one) => one.in === 'path');
  const values = places.map(({ name, schema }) =>
    faults.has('path')
      ? naughtyEncoded
      : fc.oneof(
          ...existing(operation, name).map((one) => ({ weight: 4, arbitrary: fc.constant(one) })),
          { weight: 1, arbitrary: valuesOf(schema, { schemas, known: lookUp }).map(encoded) },
        ),
  );
  return fc
    .tuple(...values)
    .map((given) =>
      places.reduce((text, { name }, at) => text.replace(`{${name}}`, () => given[at] ?? ''), path),
    );
}

function queryOf({ parameters = [] }: Operation, faults: Faults, schemas: Schemas) {
  if (faults.has('query')) {
    return fc.oneof(
      fc.constantFrom(...NAUGHTY_QUERIES),
      naughtyEncoded.chain((value) =>
        fc
          .constantFrom(...parameters.map(({ name }) => name), 'x')
          .map((name) => `${name}=${value}`),
      ),
    );
  }
  const places = parameters.filter((one) => one.in === 'query' && !RARE.has(one.name));
  const values = places.map(({ name, schema, required }) => {
    const value = (lookUp(name) ?? valuesOf(schema, { schemas, known: lookUp })).map(
      (one) => `${name}=${encoded(one)}`,
    );
    if (required) return value;
    return fc.oneof({ weight: USUAL.has(name) ? 9 : 1, arbitrary: value }, fc.constant(''));
  });
  return fc.tuple(...values).map((pairs) => pairs.filter(Boolean).join('&'));
}

const spoil = (value: unknown, known: readonly string[]): fc.Arbitrary<unknown> => {
  const names = [...Object.keys((value ?? {}) as object), ...known];
  const bad = fc.constantFrom(...NAUGHTY_VALUES);
  const extra = fc.constantFrom(
    '__proto__',
    'roles',
    'isSuperuser',
    'id',
    'email_verified',
    '',
    'x',
  );
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom(...names, 'x'), bad)
        .map(([name, one]) => ({ ...(value as object), [name]: one })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(extra, bad)
        .map(
          ([name, one]) =>
            JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(one) ?? 0}}`) as unknown,
        ),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(...names, 'x')
        .map((name) =>
          Object.fromEntries(
            Object.entries((value ?? {}) as object).filter(([key]) => key !== name),
          ),
        ),
    },
    { weight: 1, arbitrary: bad },
  );
};

type Body = FuzzRequest['body'];

const formOf = (value: unknown): string =>
  Object.entries((value ?? {}) as Record<string, unknown>)
    .map(
      ([name, one]) =>
        `${encoded(name)}=${encoded(typeof one === 'object' ? JSON.stringify(one) : one)}`,
    )
    .join('&');

/** Less the rare members, and with the usual ones always. */
function usualOf(schema: Schema): Schema {
  const { properties, required = [] } = schema;
  if (!properties) return schema;
  const names = Object.keys(properties).filter((name) => !RARE.has(name));
  return {
    ...schema,
    properties: Object.fromEntries(names.map((name) => [name, properties[name] ?? {}])),
    required: [...required, ...names.filter((name) => USUAL.has(name) && properties['state'])],
  };
}

function bodyOf(operation: Operation, faults: Faults, schemas: Schemas): fc.Arbitrary<Body> {
  const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (!media) {
    return faults.has('body') ? fc.constantFrom<Body>(...NAUGHTY_BODIES) : fc.constant(undefined);
  }
  const write = type === 'application/json' ? JSON.stringify : formOf;
  const valid = valuesOf(usualOf(media.schema), { schemas, known: lookUp });
  if (!faults.has('body')) return valid.map((value) => write(value));
  return fc.oneof(
    {
      weight: 3,
      arbitrary: valid
        .chain((value) => spoil(value, Object.keys(media.schema.properties ?? {})))
        .map((value) => write(value) ?? 'null'),
    },
    { weight: 1, arbitrary: fc.constantFrom<Body>(...NAUGHTY_BODIES) },
  );
}

const typeOf = ({ requestBody }: Operation): Record<string, string> => {
  const [type] = Object.keys(requestBody?.content ?? {});
  return type ? { 'content-type': type } : {};
};

function withFaults(
  operation: Operation,
  faults: Faults,
  schemas: Schemas,
): fc.Arbitrary<FuzzRequest> {
  return fc
    .record({
      path: pathOf(operation, faults, schemas),
      query: queryOf(operation, faults, schemas),
      actor: fc.constantFrom<FuzzRequest['actor'][]>(
        'superuser',
        'superuser',
        'user',
        'user',
        'nobody',
      ),
      by: fc.constantFrom<FuzzRequest['by'][]>('cookie', 'bearer'),
      body: bodyOf(operation, faults, schemas),
      more: faults.has('header') ? fc.constantFrom(...NAUGHTY_HEADERS) : fc.constant({}),
      line: faults.has('line') ? fc.constantFrom(...NAUGHTY_LINES) : fc.constant(undefined),
    })
    .map(({ more, line, ...rest }) => ({
      ...rest,
      method: operation.method,
      headers: { ...typeOf(operation), ...more },
      ...(line === undefined ? {} : { line }),
    }));
}

/** What may be wrong with a request, and how often. Each array is one kind. */
const KINDS: readonly (readonly [number, readonly Fault[]])[] = [
  [7, []],
  [6, ['body']],
  [3, ['path']],
  [2, ['query']],
  [3, ['header']],
  [2, ['path', 'query', 'body', 'header']],
  [1, ['line']],
];

export const requestsFor = (operation: Operation, schemas: Schemas): fc.Arbitrary<FuzzRequest> =>
  fc.oneof(
    ...KINDS.map(([weight, faults]) => ({
      weight,
      arbitrary: withFaults(operation, new Set(faults), schemas),
    })),
  );
