import { hash } from 'node:crypto';
import type { Random } from '../../kernel/clock.ts';
import { ProblemError } from '../../kernel/problem.ts';
import type { CookieChange, RequestInfo } from '../../kernel/route.ts';
import type { StateStore } from '../../kernel/store.ts';
import type { Proof } from './check-identity.ts';
import { problemOfType, problems } from './problems.ts';

/** Seconds from leaving for a provider to coming back, and as many for the answer to a question after that. */
const LIFETIME = 600;

/** What a person left for. */
export type Goal =
  | { readonly kind: 'sign-in'; readonly returnTo?: string }
  | { readonly kind: 'interaction'; readonly uid: string }
  | {
      readonly kind: 'link';
      readonly userId: string;
      readonly sid: string;
      readonly returnTo?: string;
    };

export interface Flow {
  readonly provider: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly goal: Goal;
  /** Seconds since 1970: the person must have proved at the provider after it who they are (D12). */
  readonly provenSince?: number;
}

/** An identity that waits for the person to say that the user with its address is them. */
export interface Waiting {
  readonly proof: Proof;
  readonly returnTo?: string;
}

/** What a sign-in at a provider ended with, for the authorization request that left for it. */
export type Arrived = { readonly uid: string } & (
  | { readonly proof: Proof }
  | { readonly refused: { readonly type: string; readonly detail?: string | undefined } }
);

interface Bound {
  /** SHA-256 of the cookie. */
  readonly browser: string;
}

const sha256 = (text: string): string => hash('sha256', text, 'base64url');
const flowKey = (state: string): string => `federation:flow:${sha256(state)}`;
const waitingKey = (code: string): string => `federation:waiting:${sha256(code)}`;
const arrivedKey = (code: string): string => `federation:arrived:${sha256(code)}`;

const TOKEN = /^[\w-]{43}$/;

export type Flows = ReturnType<typeof createFlows>;

/** Sign-ins under way, in the state store: each works once, in the browser that began it. */
export function createFlows({ store, random }: { store: StateStore; random: Random }) {
  const browserOf = (request: RequestInfo): string | undefined => {
    const cookie = request.cookie('federation');
    return cookie !== undefined && TOKEN.test(cookie) ? sha256(cookie) : undefined;
  };

  const parse = <Kept>(json: string | undefined, request: RequestInfo): Kept => {
    const kept = json === undefined ? undefined : (JSON.parse(json) as Kept & Bound);
    const browser = browserOf(request);
    if (!kept || !browser || kept.browser !== browser) throw problems.stateInvalid();
    return kept;
  };

  /** A browser keeps its cookie, so that two tabs do not end each other's sign-in. */
  const bind = (request: RequestInfo): { browser: string; cookie: CookieChange } => {
    const known = request.cookie('federation');
    const value = known !== undefined && TOKEN.test(known) ? known : random.token();
    return { browser: sha256(value), cookie: { name: 'federation', value, maxAge: 2 * LIFETIME } };
  };

  return {
    /** The state to send, and the cookie that the browser must come back with. */
    async begin(flow: Flow, request: RequestInfo) {
      const state = random.token();
      const { browser, cookie } = bind(request);
      await store.set(flowKey(state), JSON.stringify({ ...flow, browser }), LIFETIME);
      return { state, cookies: [cookie] };
    },

    /** Throws `federation:state-invalid`: unknown, used, too old, of another browser or of another provider. */
    async take(state: string, provider: string, request: RequestInfo): Promise<Flow> {
      const json = TOKEN.test(state) ? await store.take(flowKey(state)) : undefined;
      const flow = parse<Flow>(json, request);
      if (flow.provider !== provider) throw problems.stateInvalid();
      return flow;
    },

    /** The code under which the question can be answered, in this browser. */
    async wait(waiting: Waiting, request: RequestInfo): Promise<string> {
      const code = random.token();
      const record = JSON.stringify({ ...waiting, browser: browserOf(request) });
      await store.set(waitingKey(code), record, LIFETIME);
      return code;
    },

    /** Throws `federation:state-invalid`. */
    findWaiting: async (code: string, request: RequestInfo): Promise<Waiting> =>
      parse<Waiting>(await store.get(waitingKey(code)), request),

    /** Exactly one caller gets it. */
    takeWaiting: async (code: string, request: RequestInfo): Promise<Waiting> =>
      parse<Waiting>(await store.take(waitingKey(code)), request),

    /**
     * The code under which the interaction gets what arrived, in this browser: whoever only knows the interaction, or only
     * planted the cookie, does not have it (D3).
     */
    async arrive(arrived: Arrived, request: RequestInfo): Promise<string> {
      const code = random.token();
      const record = JSON.stringify({ ...arrived, browser: browserOf(request) });
      await store.set(arrivedKey(code), record, LIFETIME);
      return code;
    },

    /** Throws what it was refused with, `federation:state-invalid` when nobody arrived here for this interaction. */
    async findArrived(uid: string, code: string, request: RequestInfo): Promise<Proof> {
      const json = TOKEN.test(code) ? await store.get(arrivedKey(code)) : undefined;
      const arrived = parse<Arrived>(json, request);
      if (arrived.uid !== uid) throw problems.stateInvalid();
      if ('proof' in arrived) return arrived.proof;
      const { type, detail } = arrived.refused;
      await store.delete(arrivedKey(code));
      throw new ProblemError(problemOfType(type), detail === undefined ? {} : { detail });
    },

    /** True for exactly one caller. */
    async takeArrived(code: string): Promise<boolean> {
      return (await store.take(arrivedKey(code))) !== undefined;
    },
  };
}
