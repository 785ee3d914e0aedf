import type { ProblemType } from '../../kernel/problem.ts';
import type { Page, Route } from '../../kernel/route.ts';
import type { CookieTable } from '../cookies.ts';
import { operationOf, pageOperationOf, templateOf } from './operation.ts';
import { PROBLEM_SCHEMA } from './problem-responses.ts';
import { createSchemaBook, type JsonSchema } from './schemas.ts';

/** Operations that are no routes of ours, ready for the document, by path template and method. */
export type ForeignPaths = Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;

export interface DocumentOptions {
  /** PUBLIC_URL without a trailing slash. */
  readonly server: string;
  readonly version: string;
  readonly routes: readonly Route[];
  readonly pages: readonly Page[];
  readonly cookies: CookieTable;
  /** Problems of the rate limiter; undefined when nothing is limited. */
  readonly limited: readonly ProblemType[] | undefined;
  readonly foreign: ForeignPaths;
}

export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;
  readonly [member: string]: unknown;
}

const DESCRIPTION = `Generated from the routes themselves. Every path is below PUBLIC_URL.

**Signing in.** \`POST /auth/login\` sets HttpOnly cookies, which browsers then send by themselves; programs send the access token as \`Authorization: Bearer\`.
Unsafe requests with cookies must come from this origin or one of CORS_ORIGINS (\`Sec-Fetch-Site\`, else \`Origin\` or \`Referer\`).

**Failures** are \`application/problem+json\` (RFC 9457), or a page for whoever accepts \`text/html\` and not JSON. A known path answers 405 with \`Allow\` to other methods.

**OpenID Connect** is implemented by oidc-provider; its endpoints are described here in short. The discovery document says what they support.`;

const text = (description: string, example?: string): JsonSchema => ({
  description,
  schema: { type: 'string', ...(example ? { examples: [example] } : {}) },
});

const HEADERS: Readonly<Record<string, JsonSchema>> = {
  'X-Request-Id': {
    description: 'The id of this request, also in every log line about it.',
    schema: { type: 'string', minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9._-]+$' },
  },
  'RateLimit-Policy': text('The limit of this class of calls.', '"read";q=120;w=60'),
  RateLimit: text('What is left of it.', '"read";r=119;t=1'),
  'Retry-After': {
    description: 'Seconds to wait.',
    schema: { type: 'string', pattern: '^[1-9][0-9]*$' },
  },
  'WWW-Authenticate': text('How to authenticate.'),
};

/** OpenAPI 3.1: all operations, their inputs, answers and failures. Does no I/O. */
export function createOpenApiDocument(options: DocumentOptions): OpenApiDocument {
  const { routes, pages, cookies, foreign, limited } = options;
  const book = createSchemaBook();
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of routes) {
    const path = templateOf(route.path);
    paths[path] = { ...paths[path], [route.method]: operationOf(route, { book, limited }) };
  }
  for (const page of pages) {
    const path = templateOf(page.path);
    const operation = pageOperationOf(page, { book, limited });
    if (operation) paths[path] = { ...paths[path], [page.method]: operation };
  }
  for (const [path, item] of Object.entries(foreign)) paths[path] = { ...paths[path], ...item };
  return {
    openapi: '3.1.1',
    info: {
      title: 'Auth Service',
      version: options.version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: options.server }],
    tags: tagsOf(paths),
    paths,
    components: {
      schemas: { ...book.components, Problem: PROBLEM_SCHEMA },
      headers: limited ? HEADERS : withoutLimits(HEADERS),
      securitySchemes: {
        accessCookie: {
          type: 'apiKey',
          in: 'cookie',
          name: cookies.access.name,
          description: 'Set by `POST /auth/login`.',
        },
        clientSecret: {
          type: 'http',
          scheme: 'basic',
          description: 'client_id and client_secret; clients may also send them in the form.',
        },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'An access token (RFC 9068) of a session, with the scope that is asked for.',
        },
      },
    },
  };
}

const withoutLimits = (headers: typeof HEADERS): typeof HEADERS =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('RateLimit')));

function tagsOf(paths: OpenApiDocument['paths']): OpenApiDocument['tags'] {
  const names = Object.values(paths).flatMap((item) =>
    Object.values(item).flatMap((operation) => operation['tags'] as string[]),
  );
  return [...new Set(names)]
    .sort()
    .map((name) => ({ name, description: TAGS[name] ?? `Everything under \`/${name}\`.` }));
}

const TAGS: Readonly<Record<string, string>> = {
  oauth2: 'OpenID Connect, and signing in with accounts of other providers.',
};

/** The same document with the operations of one part alone, and the schemas that they use. */
export function partOfDocument(document: OpenApiDocument, part: string): OpenApiDocument {
  const isOfPart = (item: Readonly<Record<string, JsonSchema>>): boolean =>
    Object.values(item).some((operation) => (operation['tags'] as string[]).includes(part));
  const paths = Object.fromEntries(
    Object.entries(document.paths).filter(([, item]) => isOfPart(item)),
  );
  const { schemas = {} } = document.components;
  return {
    ...document,
    tags: document.tags.filter(({ name }) => name === part),
    paths,
    components: { ...document.components, schemas: usedSchemas(paths, schemas) },
  };
}

type Schemas = Readonly<Record<string, JsonSchema>>;

function usedSchemas(paths: object, schemas: Schemas): Schemas {
  const used = new Map<string, JsonSchema>();
  const look = (at: object): void => {
    for (const [, name = ''] of JSON.stringify(at).matchAll(/#\/components\/schemas\/([^"]+)"/g)) {
      const schema = schemas[name];
      if (!schema || used.has(name)) continue;
      used.set(name, schema);
      look(schema);
    }
  };
  look(paths);
  return Object.fromEntries(used);
}
