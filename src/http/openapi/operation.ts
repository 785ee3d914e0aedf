import { STATUS_CODES } from 'node:http';
import type { z } from 'zod';
import type { ProblemType } from '../../kernel/problem.ts';
import type { Page, Route } from '../../kernel/route.ts';
import { classOfMethod } from '../rate-limit.ts';
import { problemResponses, problemsOf } from './problem-responses.ts';
import type { JsonSchema, SchemaBook } from './schemas.ts';

interface OperationParts {
  readonly book: SchemaBook;
  /** Problems of the rate limiter; undefined when nothing is limited. */
  readonly limited: readonly ProblemType[] | undefined;
}

/** First segment of a path: the part of the document that it belongs to. */
const partOf = (path: string): string => path.split('/')[1] ?? '';

/** `/users/:id` → `/users/{id}` */
export const templateOf = (path: string): string => path.replace(/:(\w+)/g, '{$1}');

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** `getUsersByIdRoles` of `GET /users/:id/roles`. */
const operationId = ({ method, path }: Pick<Route, 'method' | 'path'>): string =>
  method +
  path
    .split(/[/-]/)
    .filter(Boolean)
    .map((word) => (word.startsWith(':') ? `By${capital(word.slice(1))}` : capital(word)))
    .join('');

/** The rule in words: which scope, which role, how recent the sign-in. */
function describeAccess({ access }: Route): string {
  if (access.kind === 'public') return 'Open to everybody.';
  if (access.kind === 'client') {
    return `For clients themselves: a token of the client credentials grant with the scope \`${access.scope}\`.`;
  }
  const who =
    access.kind === 'role'
      ? `For users who hold the role \`${access.role}\` now`
      : 'For signed-in users';
  const recent = access.recent ? ' and who proved who they are within the last 5 minutes' : '';
  const own = access.own ? ' Tokens of third-party clients are refused.' : '';
  return `${who}${recent}; the access token has the scope \`${access.scope}\`.${own}`;
}

const security = ({ access }: Route): readonly JsonSchema[] =>
  ({ public: [], client: [{ bearer: [] }] })[access.kind as string] ?? [
    { accessCookie: [] },
    { bearer: [] },
  ];

const ref = (name: string): JsonSchema => ({ $ref: `#/components/headers/${name}` });

function parameters(place: 'path' | 'query', schema: z.ZodType | undefined, book: SchemaBook) {
  if (!schema) return [];
  const { properties = {}, required = [] } = book.input(schema) as {
    properties?: Record<string, JsonSchema>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: of,
  }));
}

/** WHATWG HTML §9.2.4: what is sent to go on from where an event stream broke off. */
const LAST_EVENT_ID: JsonSchema = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  description: 'The `id` of the last event that was received.',
  schema: { type: 'string' },
};

function success(
  { success: { status, schema, stream } }: Route,
  book: SchemaBook,
  headers: JsonSchema,
) {
  return {
    description: stream
      ? 'Server-sent events without end; the schema is that of the `data` of each.'
      : STATUS_CODES[status],
    headers,
    ...(schema
      ? {
          content: {
            [stream ? 'text/event-stream' : 'application/json']: { schema: book.output(schema) },
          },
        }
      : {}),
  };
}

/** Headers of every answer. */
const commonHeaders = (limited: OperationParts['limited']): Record<string, JsonSchema> => ({
  'X-Request-Id': ref('X-Request-Id'),
  ...(limited ? { 'RateLimit-Policy': ref('RateLimit-Policy'), RateLimit: ref('RateLimit') } : {}),
});

/** Koa says where a redirect leads in a line, in what the client accepts. */
const LEADS_ON: JsonSchema = {
  'text/html': { schema: { type: 'string' } },
  'text/plain': { schema: { type: 'string' } },
};

/** As `operationOf`, of a page: a navigation of a browser. Undefined for one that the document leaves out. */
export function pageOperationOf(
  page: Page,
  { book, limited }: OperationParts,
): JsonSchema | undefined {
  const { document, path, method, access, rateLimit = classOfMethod(method) } = page;
  if (!document) return undefined;
  const headers = commonHeaders(limited);
  const problems = problemsOf({ method, access, problems: document.problems }, limited ?? []);
  return {
    operationId: operationId(page),
    tags: [partOf(path)],
    summary: document.summary,
    description: `A navigation of a browser: open it as a link, scripts cannot follow it.${typeof rateLimit === 'string' ? ` Rate limit class: \`${rateLimit}\`.` : ''}`,
    security: [],
    parameters: [
      ...parameters('path', document.params, book),
      ...parameters('query', document.query, book),
    ],
    responses: {
      200: {
        description: 'A page',
        headers,
        content: { 'text/html': { schema: { type: 'string' } } },
      },
      303: { description: 'On to where `Location` says', headers, content: LEADS_ON },
      ...problemResponses(problems, headers),
    },
  };
}

/** An OpenAPI operation object: all of it comes from the route itself. */
export function operationOf(route: Route, { book, limited }: OperationParts): JsonSchema {
  const common = commonHeaders(limited);
  const rateClass = route.rateLimit ?? classOfMethod(route.method);
  return {
    operationId: operationId(route),
    tags: [partOf(route.path)],
    summary: route.summary,
    description: `${describeAccess(route)} Rate limit class: \`${rateClass}\`.`,
    security: security(route),
    parameters: [
      ...parameters('path', route.params, book),
      ...parameters('query', route.query, book),
      ...(route.success.stream ? [LAST_EVENT_ID] : []),
    ],
    ...(route.body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: book.input(route.body) } },
          },
        }
      : {}),
    responses: {
      [route.success.status]: success(route, book, common),
      ...(route.success.underWay
        ? { 202: { description: route.success.underWay, headers: common } }
        : {}),
      ...problemResponses(problemsOf(route, limited ?? []), common),
    },
    ...('role' in route.access ? { 'x-role': route.access.role } : {}),
    ...(route.access.kind === 'public' ? {} : { 'x-scope': route.access.scope }),
  };
}
