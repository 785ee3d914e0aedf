import type { OidcEngine } from '../../kernel/oidc.ts';
import { ProblemError } from '../../kernel/problem.ts';
import type { PageReply, RequestInfo } from '../../kernel/route.ts';
import type { BrowserSignIn } from '../account/contract.ts';
import type { SessionService } from '../sessions/contract.ts';
import type { User } from '../users/contract.ts';
import { callUpstream } from './call-upstream.ts';
import { checkIdentity, type Proof } from './check-identity.ts';
import type { InteractionOutcome } from './contract.ts';
import type { Flows, Goal, Waiting } from './flows.ts';
import { problems } from './problems.ts';
import { createIdentities, type IdentityDependencies } from './service/identities.ts';
import { createLeave } from './service/leave.ts';
import { createLinkQuestion } from './service/link-question.ts';
import { createResolveUser, type ResolveDependencies } from './service/resolve-user.ts';
import { createSealTokens, type SealDependencies } from './service/seal-tokens.ts';
import type {
  LinkQuestion,
  UpstreamIdentity,
  UpstreamProvider,
  UpstreamTokens,
} from './upstream.ts';

interface Dependencies extends ResolveDependencies, IdentityDependencies, SealDependencies {
  readonly flows: Flows;
  readonly accounts: BrowserSignIn;
  readonly sessions: SessionService;
  readonly oidc: Pick<OidcEngine, 'currentSession'>;
  /** PUBLIC_URL without a trailing slash, and its path. */
  readonly publicUrl: string;
  readonly base: string;
}

/** What the first half of a sign-in leads to, once the provider has said who the person is. */
export type Arrival = PageReply | { readonly question: string };

export type Federation = ReturnType<typeof createFederation>;

/** The provider is part of the login history. RFC 8176 has no value for it. */
const amrOf = (provider: string): readonly string[] => ['fed', provider];

/** Leaves for a provider, comes back, and signs in, links, or asks. */
export function createFederation(dependencies: Dependencies) {
  const { providers, flows, log, oidc, accounts, base } = dependencies;
  const resolve = createResolveUser(dependencies);
  const sealTokens = createSealTokens(dependencies);
  const identities = createIdentities(dependencies);
  const redirectUri = (id: string): string => `${dependencies.publicUrl}/oauth2/${id}/callback`;
  const begin = createLeave({ ...dependencies, redirectUri });
  const { ask, confirm } = createLinkQuestion({ ...dependencies, identities });

  const prove = async (
    provider: UpstreamProvider,
    answer: { identity: UpstreamIdentity; tokens?: UpstreamTokens | undefined },
  ): Promise<Proof> => {
    const proof = checkIdentity(provider, answer.identity);
    const tokens = await sealTokens(proof, answer.tokens);
    return { ...proof, ...(tokens !== undefined && { tokens }) };
  };

  const signedIn = async (
    user: User,
    { provider }: Proof,
    request: RequestInfo,
    returnTo: string | undefined,
  ): Promise<PageReply> => {
    const cookies = await accounts.signIn(user.id, { amr: amrOf(provider), request });
    if (!cookies) throw problems.accountUnavailable();
    if (returnTo !== undefined) return { redirect: returnTo, cookies };
    return { view: 'federation/signed-in', locals: { email: user.email }, cookies };
  };

  /** Only for who is still signed in as they were when they left (CVE-2026-105207). */
  const link = async (
    goal: Extract<Goal, { kind: 'link' }>,
    proof: Proof,
    request: RequestInfo,
  ): Promise<PageReply> => {
    const current = await oidc.currentSession(request.exchange);
    if (current?.uid !== goal.sid || current.userId !== goal.userId) throw problems.stateInvalid();
    await identities.link(goal.userId, proof);
    if (goal.returnTo !== undefined) return { redirect: goal.returnTo };
    return { view: 'federation/connected', locals: { label: providers.get(proof.provider).label } };
  };

  const arrive = async (goal: Goal, proof: Proof, request: RequestInfo): Promise<Arrival> => {
    if (goal.kind === 'interaction') {
      await flows.arrive(goal.uid, { proof });
      return { redirect: `${base}/interaction/${goal.uid}/federated` };
    }
    if (goal.kind === 'link') return link(goal, proof, request);
    const { kind, user } = await resolve(proof);
    const { returnTo } = goal;
    if (kind === 'user') return signedIn(user, proof, request, returnTo);
    const waiting: Waiting = { proof, ...(returnTo !== undefined && { returnTo }) };
    return { question: await flows.wait(waiting, request) };
  };

  /** In an authorization request the sign-in page says what went wrong, and offers the other ways. */
  const backToInteraction = async (goal: Goal, work: () => Promise<Arrival>): Promise<Arrival> => {
    try {
      return await work();
    } catch (error) {
      if (goal.kind !== 'interaction' || !(error instanceof ProblemError)) throw error;
      await flows.refuse(goal.uid, error);
      return { redirect: `${base}/interaction/${goal.uid}/federated` };
    }
  };

  return {
    begin,
    identities,
    publicOptions: () => providers.enabled().map(({ id, label }) => ({ id, label })),

    /** The authorization response. Throws `federationProblems`. */
    async callback(
      id: string,
      parameters: URLSearchParams,
      request: RequestInfo,
    ): Promise<Arrival> {
      const provider = providers.get(id);
      const { finish } = provider;
      if (!finish) throw problems.unknownProvider();
      const state = parameters.get('state') ?? '';
      const { goal, nonce, codeVerifier } = await flows.take(state, id, request);
      const flow = { redirectUri: redirectUri(id), state, nonce, codeVerifier, parameters };
      return backToInteraction(goal, async () => {
        if (parameters.get('error') === 'access_denied') throw problems.cancelled();
        const proof = await callUpstream(provider, log, async () =>
          prove(provider, await finish.call(provider, flow)),
        );
        return arrive(goal, proof, request);
      });
    },

    /** As `callback`, of a provider whose page is ours. */
    async complete(
      id: string,
      { state, identity }: { state: string; identity: UpstreamIdentity },
      request: RequestInfo,
    ): Promise<Arrival> {
      const provider = providers.get(id);
      const { goal } = await flows.take(state, id, request);
      return backToInteraction(goal, async () => {
        const proof = await callUpstream(provider, log, () => prove(provider, { identity }));
        return arrive(goal, proof, request);
      });
    },

    async signIn(id: string, identity: UpstreamIdentity, request: RequestInfo) {
      const provider = providers.get(id);
      const proof = await callUpstream(provider, log, () => prove(provider, { identity }));
      const { kind, user } = await resolve(proof);
      if (kind === 'link') throw problems.linkRequired();
      const cookies = await accounts.signIn(user.id, { amr: amrOf(id), request });
      if (!cookies) throw problems.accountUnavailable();
      return { user, cookies };
    },

    /** What is asked of the person who was sent to `code`. Throws `federationProblems`. */
    async question(
      code: string,
      request: RequestInfo,
    ): Promise<LinkQuestion & { returnTo?: string }> {
      const { proof, returnTo } = await flows.findWaiting(code, request);
      const { user } = await resolve(proof);
      const question = await ask(user, proof, request);
      return { ...question, ...(returnTo !== undefined && { returnTo }) };
    },

    /** Undefined for a wrong password: the question stays. */
    async answer(
      code: string,
      password: string | undefined,
      request: RequestInfo,
    ): Promise<PageReply | undefined> {
      const { proof, returnTo } = await flows.findWaiting(code, request);
      providers.get(proof.provider);
      const { user } = await resolve(proof);
      if (!(await confirm(user, proof, { password, request }))) return undefined;
      await flows.takeWaiting(code, request);
      return signedIn(user, proof, request, returnTo);
    },

    async finishInteraction(uid: string, request: RequestInfo): Promise<InteractionOutcome> {
      const proof = await flows.findArrived(uid);
      providers.get(proof.provider);
      const { kind, user } = await resolve(proof);
      if (kind === 'link') return ask(user, proof, request);
      if (!(await flows.takeArrived(uid))) throw problems.stateInvalid();
      return { kind, user, amr: amrOf(proof.provider) };
    },

    async linkInteraction(uid: string, password: string | undefined, request: RequestInfo) {
      const proof = await flows.findArrived(uid);
      providers.get(proof.provider);
      const { user } = await resolve(proof);
      if (!(await confirm(user, proof, { password, request }))) return undefined;
      if (!(await flows.takeArrived(uid))) throw problems.stateInvalid();
      return { kind: 'user' as const, user, amr: amrOf(proof.provider) };
    },
  };
}
