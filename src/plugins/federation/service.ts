import type { OidcEngine } from '../../kernel/oidc.ts';
import type { RequestInfo } from '../../kernel/route.ts';
import type { SessionService } from '../sessions/contract.ts';
import type { Flows } from './flows.ts';
import { problems } from './problems.ts';
import { createAnswers } from './service/answers.ts';
import { createArrivals } from './service/arrivals.ts';
import { createIdentities, type IdentityDependencies } from './service/identities.ts';
import { createLeave } from './service/leave.ts';
import { createProve, type ProveDependencies } from './service/prove.ts';
import { createResolveUser, type ResolveDependencies } from './service/resolve-user.ts';
import { createSignIn, type SignInDependencies } from './service/sign-in.ts';
import type { UpstreamIdentity } from './upstream.ts';

interface Dependencies
  extends ResolveDependencies,
    IdentityDependencies,
    ProveDependencies,
    SignInDependencies {
  readonly flows: Flows;
  readonly sessions: SessionService;
  readonly oidc: Pick<OidcEngine, 'currentSession'>;
  readonly publicUrl: URL;
  /** Its path: '' or `/sub`. */
  readonly base: string;
}

export type Federation = ReturnType<typeof createFederation>;

/** Leaves for a provider, comes back, and signs in, links, or asks. */
export function createFederation(dependencies: Dependencies) {
  const { providers } = dependencies;
  const identities = createIdentities(dependencies);
  const prove = createProve(dependencies);
  const resolve = createResolveUser(dependencies);
  const { signIn, signInPage } = createSignIn(dependencies);
  const parts = { ...dependencies, identities, prove, resolve, signInPage };

  return {
    begin: createLeave(parts),
    ...createArrivals(parts),
    ...createAnswers(parts),
    identities,
    publicOptions: () => providers.enabled().map(({ id, label }) => ({ id, label })),

    async signIn(id: string, identity: UpstreamIdentity, request: RequestInfo) {
      const proof = await prove(providers.get(id), async () => ({ identity }));
      const { kind, user } = await resolve(proof);
      if (kind === 'link') throw problems.linkRequired();
      return { user, cookies: await signIn(user, proof, request) };
    },
  };
}
