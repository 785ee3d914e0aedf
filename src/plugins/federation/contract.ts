import { defineEvent } from '../../kernel/events.ts';
import type { CookieChange, PageReply, RequestInfo } from '../../kernel/route.ts';
import { defineService } from '../../kernel/service.ts';
import type { User } from '../users/contract.ts';
import type { LinkQuestion, SignInOption, UpstreamIdentity, UpstreamProvider } from './upstream.ts';

/** What became of a proven identity inside an authorization request. */
export type InteractionOutcome =
  | {
      readonly kind: 'user';
      readonly user: User;
      readonly amr: readonly string[];
      readonly authTime?: number | undefined;
    }
  | LinkQuestion;

/** Where a browser came back: the interaction, and the `arrival` in the query of its page `federated`. */
export interface ArrivalAt {
  readonly uid: string;
  readonly code: string;
}

export interface FederationService {
  /**
   * Network for providers: https (http to loopback), at most 4 s and 256 KB for each answer, no redirects; inner addresses only
   * at hosts of issuers and of OUTGOING_PRIVATE. Use it for every call to a provider.
   */
  readonly fetch: typeof globalThis.fetch;
  /** FEDERATION_STORE_TOKENS: whether a token that outlives the sign-in is of any use. */
  readonly keepsTokens: boolean;
  /** During `setup` only. Throws PluginError for an id or issuer that another provider has. */
  register(provider: UpstreamProvider): void;
  /** Providers that are switched on, in the order in which they were registered. */
  options(): readonly SignInOption[];
  /**
   * Ends a sign-in whose page is ours: call it with the `state` that `begin` got, once the person has proved who they are.
   * Signs in, links, or goes back into the authorization request, whichever it was begun for.
   */
  complete(
    proof: {
      readonly provider: string;
      readonly state: string;
      readonly identity: UpstreamIdentity;
    },
    request: RequestInfo,
  ): Promise<PageReply>;
  /**
   * Signs in at once, for REST routes that check a proof themselves: user and cookies of a REST login. Throws
   * `federationProblems`; `linkRequired` when there is a user with the same address that is not linked.
   */
  signIn(
    proof: { readonly provider: string; readonly identity: UpstreamIdentity },
    request: RequestInfo,
  ): Promise<{ readonly user: User; readonly cookies: readonly CookieChange[] }>;

  /** For the sign-in pages: leaves an authorization request for a provider, … */
  beginInteraction(
    provider: string,
    interaction: { readonly uid: string; readonly reauthenticate: boolean },
    request: RequestInfo,
  ): Promise<{ readonly redirect: string; readonly cookies: readonly CookieChange[] }>;
  /** … and comes back: who it is. A question stays until it is answered. Throws `federationProblems`. */
  finishInteraction(at: ArrivalAt, request: RequestInfo): Promise<InteractionOutcome>;
  /** The answer to the question. Undefined for a wrong password. Throws as `Users.verifyPassword` does. */
  linkInteraction(
    at: ArrivalAt,
    password: string | undefined,
    request: RequestInfo,
  ): Promise<Extract<InteractionOutcome, { kind: 'user' }> | undefined>;
}

export { type Claims, createOpenIdProvider } from './openid-provider.ts';
export { problems as federationProblems } from './problems.ts';
export { questionPage } from './question-page.ts';
export type * from './upstream.ts';
export { bothOrNone, callbackUrl, upstreamUrl } from './upstream-settings.ts';

export const Federation = defineService<FederationService>('federation');

export const IdentityLinked = defineEvent<{ userId: string; provider: string }>('identity.linked');
export const IdentityUnlinked = defineEvent<{ userId: string; provider: string }>(
  'identity.unlinked',
);
