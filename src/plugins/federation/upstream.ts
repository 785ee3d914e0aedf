/** What a provider of identities is: plugins implement it, `federation` asks it. */

/** Who a person is at another provider, as that provider proved it. */
export interface UpstreamIdentity {
  /** Must be the `issuer` of the provider that says so. */
  readonly issuer: string;
  /** Never empty; with the issuer it is the identity's key (OIDC Core §5.7). */
  readonly subject: string;
  readonly email?: string | undefined;
  /** True only when the provider itself says that the address is this person's. */
  readonly emailVerified: boolean;
  readonly name?: string | undefined;
  /** BCP 47. */
  readonly locale?: string | undefined;
}

/** What a provider gave for calls to its own API; stored only when FEDERATION_STORE_TOKENS says so. */
export interface UpstreamTokens {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
}

/** Of one sign-in: `state`, `nonce` and `codeVerifier` are 256 bits each and work once. */
export interface UpstreamFlow {
  /** Registered at the provider: PUBLIC_URL + `/oauth2/<id>/callback`. */
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

export interface UpstreamRequest extends UpstreamFlow {
  /** Of the verifier, method S256 (RFC 7636 §4.2). */
  readonly codeChallenge: string;
  /** The person must prove again who they are, even if they are signed in at the provider. */
  readonly reauthenticate: boolean;
}

/** Who it is, and what the provider proved of when. */
export interface UpstreamAnswer {
  readonly identity: UpstreamIdentity;
  readonly tokens?: UpstreamTokens;
  /** When the person proved there who they are, in seconds since 1970; undefined when the provider does not say. */
  readonly authTime?: number | undefined;
}

export interface UpstreamCallback extends UpstreamFlow {
  /** The authorization response; its `state` has been checked. */
  readonly parameters: URLSearchParams;
}

/**
 * A provider of identities. What its methods throw is answered with 502, and after 4.5 s they are waited for no longer
 * (504); a ProblemError of `federationProblems` is shown as it is.
 */
export interface UpstreamProvider {
  /** A path segment: lower-case letters, digits and `-`. */
  readonly id: string;
  /** As people know it: "Continue with <label>". */
  readonly label: string;
  /** No two providers have the same one. */
  readonly issuer: string;
  /** True when it answers `prompt=none` with an error at the redirect URI (OIDC Core §3.1.2.6), so that it can be asked for it. */
  readonly answersSilently?: boolean;
  /** Where the browser goes: the authorization endpoint, or a page of ours below `/oauth2/<id>/`. */
  begin(request: UpstreamRequest): Promise<URL>;
  /** Checks the authorization response. A provider with a page of ours has none, and calls `complete`. */
  finish?(callback: UpstreamCallback): Promise<UpstreamAnswer>;
  /** Gives the grant back (RFC 7009). */
  revoke?(tokens: UpstreamTokens): Promise<void>;
}

export interface SignInOption {
  readonly id: string;
  readonly label: string;
}

/** There is a user with the same verified address: they must say, and prove, that both are theirs. */
export interface LinkQuestion {
  readonly kind: 'link';
  readonly provider: SignInOption;
  readonly email: string;
  /** `password`: to be typed. `session`: just proven in this browser. `none`: neither is possible. */
  readonly proof: 'password' | 'session' | 'none';
}
