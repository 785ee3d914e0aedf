import { STATUS_CODES } from 'node:http';
import type { ProblemType } from '../../kernel/problem.ts';
import type { Route } from '../../kernel/route.ts';
import { problems } from '../problem-response.ts';
import type { JsonSchema } from './schemas.ts';

/** RFC 9457, as `sendProblem` writes it. */
export const PROBLEM_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    type: { type: 'string', description: 'Which problem this is, for programs.' },
    title: { type: 'string', description: 'The same for people.' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string', description: '`urn:request:` and the X-Request-Id.' },
    trace_id: {
      type: 'string',
      description: 'The trace of the request, where traces are collected.',
    },
    errors: {
      type: 'array',
      description: 'Each fault of the input.',
      items: {
        type: 'object',
        properties: {
          pointer: { type: 'string', description: 'JSON Pointer (RFC 6901) with a leading `#`.' },
          detail: { type: 'string' },
        },
        required: ['pointer', 'detail'],
        additionalProperties: false,
      },
    },
  },
  required: ['type', 'title', 'status', 'instance'],
  additionalProperties: false,
};

/** Everything that a route may answer instead of success: what it states, and what `routeHandler` adds. */
export function problemsOf(
  route: Pick<Route, 'method' | 'access' | 'params' | 'query' | 'body' | 'problems'>,
  ofLimiter: readonly ProblemType[],
): ProblemType[] {
  const { kind } = route.access;
  const found: readonly (ProblemType | false | undefined)[] = [
    problems.requestIdRequired,
    route.method !== 'get' && problems.crossSite,
    ...ofLimiter,
    kind !== 'public' && problems.unauthenticated,
    kind !== 'public' && problems.insufficientScope,
    kind === 'role' && problems.forbidden,
    'own' in route.access && problems.firstPartyOnly,
    'recent' in route.access && problems.reauthenticationRequired,
    (route.params || route.query || route.body) && problems.invalidInput,
    ...(route.body
      ? [problems.malformedBody, problems.bodyTooLarge, problems.unsupportedMediaType]
      : []),
    ...route.problems,
    problems.unavailable,
    problems.overloaded,
    problems.internal,
  ];
  return found.filter((one) => one !== false && one !== undefined);
}

type Headers = Readonly<Record<string, JsonSchema>>;

/** By status, each with the `type`s that it may have. */
export function problemResponses(
  found: readonly ProblemType[],
  headers: Headers,
): Record<string, JsonSchema> {
  const byStatus = Map.groupBy(found, ({ status }) => status);
  return Object.fromEntries(
    [...byStatus].map(([status, those]) => [String(status), problemResponse(those, headers)]),
  );
}

const exampleOf = ({ type, title, status, detail }: ProblemType): JsonSchema => ({
  summary: title,
  value: { type, title, status, ...(detail ? { detail } : {}), instance: 'urn:request:…' },
});

function problemResponse(those: readonly ProblemType[], headers: Headers): JsonSchema {
  const status = those[0]?.status ?? 0;
  const types = [...new Set(those.map(({ type }) => type))];
  const asks = those.some(({ challenge }) => challenge);
  const waits = status === 429 || those.some(({ retryAfter }) => retryAfter !== undefined);
  return {
    description: STATUS_CODES[status] ?? `Status ${status}`,
    headers: {
      ...headers,
      ...(asks ? { 'WWW-Authenticate': { $ref: '#/components/headers/WWW-Authenticate' } } : {}),
      ...(waits ? { 'Retry-After': { $ref: '#/components/headers/Retry-After' } } : {}),
    },
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            { type: 'object', properties: { type: { enum: types }, status: { const: status } } },
          ],
        },
        examples: Object.fromEntries(those.map((one) => [exampleName(one.type), exampleOf(one)])),
      },
    },
  };
}

/** `urn:problem:users:email-taken` → `users.email-taken`: names of examples have no colon. */
const exampleName = (type: string): string => type.split(':').slice(2).join('.');
