/** What a plugin says of its HTTP surface; `src/http` turns it into middleware and documentation. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { ProblemError, ProblemType } from './problem.ts';

/** The raw exchange: an opaque handle that only the OIDC engine opens. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** Who calls, as proven by an access token (RFC 9068) that is neither expired nor on the denylist. */
export interface Principal {
  readonly sub: string;
  readonly clientId: string;
  readonly scopes: ReadonlySet<string>;
  /** As they were when the token was issued; routes that need a role look it up. */
  readonly roles: readonly string[];
  /** The session's `uid`; absent in client-credentials tokens. */
  readonly sid?: string;
  readonly gid?: string;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** Those of who is signed in. */
export const SIGN_IN_COOKIES = ['session', 'access', 'refresh'] as const;
/** Our cookies, by role; their wire names depend on the scheme of PUBLIC_URL (`http/cookies.ts`). */
export type CookieName = (typeof SIGN_IN_COOKIES)[number] | 'federation' | 'form' | 'known';

export interface CookieChange {
  readonly name: CookieName;
  /** undefined deletes it, with identical attributes. */
  readonly value: string | undefined;
  /** Seconds; a cookie without one ends with the browser session. */
  readonly maxAge?: number;
}

/** What a handler may know of the request besides its validated input. */
export interface RequestInfo {
  readonly id: string;
  /** Client address: the right-most untrusted hop. */
  readonly ip: string;
  /** Whether it was made on this machine, for nobody else, and under a name of ours or of this machine. */
  isLocal(): boolean;
  readonly userAgent: string;
  readonly exchange: Exchange;
  cookie(name: CookieName): string | undefined;
  /** Every value that was sent under this name, unsigned cookies only: a path-bound one may come twice, once from a sibling host. */
  cookieValues(name: CookieName): readonly string[];
}

/** `public` must be written out; nothing is reachable by default. */
export type Access =
  | { readonly kind: 'public' }
  | {
      readonly kind: 'user';
      readonly scope: string;
      readonly recent?: boolean;
      readonly own?: boolean;
    }
  | {
      readonly kind: 'role';
      readonly scope: string;
      readonly role: string;
      readonly recent?: boolean;
      readonly own?: boolean;
    }
  | { readonly kind: 'client'; readonly scope: string };

export const access = {
  public: { kind: 'public' },
  /** A signed-in user whose token carries the scope. */
  user: (scope = 'account') => ({ kind: 'user', scope }) as const,
  /** A user who holds the role now: read from the database for every request. */
  role: (role: string, scope = 'admin') => ({ kind: 'role', scope, role }) as const,
  /** A client that acts for itself (RFC 6749 §4.4) and still exists; never a user. */
  client: (scope: string) => ({ kind: 'client', scope }) as const,
  /** The same as a rule for users, by a REST login or a first-party client: no third party may do it, whatever it was allowed. */
  own: <Rule extends Exclude<Access, { kind: 'public' | 'client' }>>(rule: Rule) => ({
    ...rule,
    own: true as const,
  }),
  /** The same as a rule for users, and the person proved who they are within the last 5 minutes (`auth_time`). */
  recent: <Rule extends Exclude<Access, { kind: 'public' | 'client' }>>(rule: Rule) => ({
    ...rule,
    recent: true as const,
  }),
} as const satisfies Record<string, Access | ((...args: never[]) => Access)>;

/** What a call costs the service; each class has a bucket of its own for every caller (`Limiter`). */
export type RateClass = 'read' | 'write' | 'sign-in' | 'register' | 'mail' | 'oidc' | 'client';

/** Does work for which room is limited, or refuses it at once with a 503 problem. */
export type Admit = <Result>(work: () => Promise<Result>) => Promise<Result>;

type Schema = z.ZodType;
type Parsed<S> = S extends Schema ? z.output<S> : undefined;
type Body<S> = S extends Schema ? { readonly body: z.input<S> } : { readonly body?: undefined };

export type Reply<Ok extends Schema | undefined> = Body<Ok> & {
  readonly cookies?: readonly CookieChange[];
  readonly headers?: Readonly<Record<string, string>>;
  /** The work goes on after the answer: 202 without a body, on routes whose `success` says `underWay`. */
  readonly isUnderWay?: true;
  /** Instead of a body, on routes made by `defineStream`. */
  readonly stream?: AsyncIterable<StreamEvent>;
};

export interface RouteInput<Params, Query, RequestBody, Who extends Access> {
  readonly params: Parsed<Params>;
  readonly query: Parsed<Query>;
  readonly body: Parsed<RequestBody>;
  readonly request: RequestInfo;
  readonly principal: Who extends { kind: 'public' } ? undefined : Principal;
}

export interface RouteSpec<
  Who extends Access,
  Params extends Schema | undefined,
  Query extends Schema | undefined,
  RequestBody extends Schema | undefined,
  Ok extends Schema | undefined,
> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Below PUBLIC_URL, e.g. `/auth/me`. */
  readonly path: string;
  readonly access: Who;
  /** Default: `read` for GET, else `write`. */
  readonly rateLimit?: RateClass;
  /** Around all that is done for the request, once its body is there: rate limit, access rule and handler. */
  readonly admit?: Admit;
  readonly summary: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: RequestBody;
  readonly success: {
    readonly status: 200 | 201 | 202 | 204;
    readonly schema?: Ok;
    /** The work may be longer than a request: how its end is seen after a 202 (`isUnderWay`), for the API's document. */
    readonly underWay?: string;
    /** The answer is an endless `text/event-stream`; the schema is that of each event's `data`. */
    readonly stream?: true;
  };
  /** Besides those that every route may answer (validation, authentication, overload). */
  readonly problems: readonly ProblemType[];
  handle(input: RouteInput<Params, Query, RequestBody, Who>): Promise<Reply<Ok>>;
}

/** What the registry keeps: types are checked at the definition, then erased. */
// biome-ignore lint/suspicious/noExplicitAny: a list of unlike routes needs erased handler inputs
export type Route = RouteSpec<any, any, any, any, any>;

export function defineRoute<
  Who extends Access,
  Params extends Schema | undefined = undefined,
  Query extends Schema | undefined = undefined,
  RequestBody extends Schema | undefined = undefined,
  Ok extends Schema | undefined = undefined,
>(spec: RouteSpec<Who, Params, Query, RequestBody, Ok>): Route {
  return spec;
}

/** A server-sent event (WHATWG HTML §9.2). A comment is a sign of life that clients do not see as an event. */
export type StreamEvent<Data = unknown> =
  | { readonly comment: string }
  | { readonly id: string; readonly event?: string; readonly data: Data };

export interface StreamInput {
  /** Aborted when the stream is over: client gone, token expired or denied, server stopping. */
  readonly signal: AbortSignal;
  /** How far the client had come before; anything that it likes to send. */
  readonly lastEventId: string | undefined;
}

export interface StreamSpec<
  Who extends Access,
  Params extends Schema | undefined,
  Query extends Schema | undefined,
  Event extends Schema,
> extends Pick<
    RouteSpec<Who, Params, Query, undefined, undefined>,
    'path' | 'access' | 'rateLimit' | 'summary' | 'params' | 'query' | 'problems'
  > {
  /** The JSON in `data` of each event. */
  readonly event: Event;
  /** Throws before the first byte is sent, or answers what is sent until it ends or `signal` is aborted. */
  open(
    input: RouteInput<Params, Query, undefined, Who> & StreamInput,
  ): Promise<AsyncIterable<StreamEvent<z.input<Event>>>>;
}

/** A GET route that answers with events for as long as both sides like. */
export function defineStream<
  Who extends Access,
  Event extends Schema,
  Params extends Schema | undefined = undefined,
  Query extends Schema | undefined = undefined,
>({ event, open, ...spec }: StreamSpec<Who, Params, Query, Event>): Route {
  return {
    ...spec,
    method: 'get',
    success: { status: 200, schema: event, stream: true },
    handle: async (input) => ({ stream: await open(input as Parameters<typeof open>[0]) }),
  };
}

/** A page failed after somebody was signed in: the browser gets its cookies all the same, beside the answer for `cause`. */
export class FailedAfterSignIn extends Error {
  override readonly name = 'FailedAfterSignIn';
  readonly cookies: readonly CookieChange[];

  constructor(cause: unknown, cookies: readonly CookieChange[]) {
    super('the page failed after the sign-in', { cause });
    this.cookies = cookies;
  }
}

/** The answer of a page: HTML from a view, or a redirect (303 See Other, RFC 9700 §4.12). */
export type PageReply =
  | {
      readonly view: string;
      readonly locals: Readonly<Record<string, unknown>>;
      readonly status?: number;
      /** Why the page is shown instead of the next one: its status and headers go with the page. */
      readonly problem?: ProblemError;
      readonly cookies?: readonly CookieChange[];
    }
  | { readonly redirect: string; readonly cookies?: readonly CookieChange[] };

export interface PageInput {
  readonly params: Readonly<Record<string, string>>;
  /** Of each parameter the last value. */
  readonly query: Readonly<Record<string, string>>;
  /** Form fields; a field that was sent twice is refused before. */
  readonly form: Readonly<Record<string, string>>;
  readonly request: RequestInfo;
  /**
   * For the view, as its local `csrf`: each form of the page includes `/partials/csrf`. POSTs are checked before the handler
   * runs.
   */
  readonly csrf: string;
}

/** An HTML page: GET shows, POST acts. */
export interface Page {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly access: { readonly kind: 'public' };
  /**
   * What follows its forms may be another site: a client's callback, and wherever that one redirects to. Chromium holds
   * CSP `form-action` against the whole chain of redirects, so this page comes without it; the form token and escaping
   * protect its forms.
   */
  readonly leavesSite?: true;
  /** Default: `read` for GET, else `write`. */
  readonly rateLimit?:
    | RateClass
    | ((params: PageInput['params'], exchange: Exchange) => RateClass | Promise<RateClass>);
  /** As a route's. */
  admit?(
    params: PageInput['params'],
    exchange: Exchange,
  ): Admit | undefined | Promise<Admit | undefined>;
  /** For the API's document: only of pages that front ends lead to. Nothing is checked against it. */
  readonly document?: Pick<
    RouteSpec<Access, Schema, Schema, Schema, Schema>,
    'summary' | 'params' | 'query' | 'problems'
  >;
  handle(input: PageInput): Promise<PageReply>;
}
