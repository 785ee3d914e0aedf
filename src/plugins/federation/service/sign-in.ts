import { type Clock, epochSeconds } from '../../../kernel/clock.ts';
import type { OidcEngine } from '../../../kernel/oidc.ts';
import type { CookieChange, PageReply, RequestInfo } from '../../../kernel/route.ts';
import type { BrowserSessionService } from '../../browser-sessions/contract.ts';
import type { User } from '../../users/contract.ts';
import type { Proof } from '../check-identity.ts';
import { problems } from '../problems.ts';

/** The provider is part of the login history. RFC 8176 has no value for it. */
export const amrOf = (provider: string): readonly string[] => ['fed', provider];

export interface SignInDependencies {
  readonly browsers: Pick<BrowserSessionService, 'start'>;
  readonly oidc: Pick<OidcEngine, 'currentSession'>;
  readonly clock: Clock;
}

export type SignIn = ReturnType<typeof createSignIn>;

/** Signs in at the cookie API who came from a provider. Throws `federation:account-unavailable`. */
export function createSignIn({ browsers, oidc, clock }: SignInDependencies) {
  /** What the provider proved; when it does not say, coming back renews nothing for who is signed in already (D12). */
  const authTimeOf = async (
    userId: string,
    { authTime }: Proof,
    request: RequestInfo,
  ): Promise<number | undefined> => {
    if (authTime !== undefined) return Math.min(epochSeconds(clock), authTime);
    const current = await oidc.currentSession(request.exchange);
    return current?.userId === userId ? current.authTime : undefined;
  };

  const signIn = async (
    user: User,
    proof: Proof,
    request: RequestInfo,
  ): Promise<readonly CookieChange[]> => {
    const authTime = await authTimeOf(user.id, proof, request);
    const amr = amrOf(proof.provider);
    // With the credentials that the user had when the identity was found to be theirs: a reset meanwhile ends this too (D4).
    const { id, credentialsVersion } = user;
    const started = await browsers.start(id, { amr, authTime, credentialsVersion, request });
    if (!started) throw problems.accountUnavailable();
    return started.cookies;
  };

  return {
    signIn,

    /** … and sends the browser on, or says that it is done. */
    async signInPage(
      user: User,
      proof: Proof,
      request: RequestInfo,
      returnTo: string | undefined,
    ): Promise<PageReply> {
      const cookies = await signIn(user, proof, request);
      if (returnTo !== undefined) return { redirect: returnTo, cookies };
      return { view: 'federation/signed-in', locals: { email: user.email }, cookies };
    },
  };
}
