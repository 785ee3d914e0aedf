import { type Clock, epochSeconds } from '../../../kernel/clock.ts';
import type { OidcEngine } from '../../../kernel/oidc.ts';
import { ProblemError } from '../../../kernel/problem.ts';
import type { PageReply, RequestInfo } from '../../../kernel/route.ts';
import type { UserService } from '../../users/contract.ts';
import type { Proof } from '../check-identity.ts';
import type { Flows, Goal, Waiting } from '../flows.ts';
import { problems } from '../problems.ts';
import type { Providers } from '../providers.ts';
import type { UpstreamIdentity } from '../upstream.ts';
import { callbackUrl } from '../upstream-settings.ts';
import type { Identities } from './identities.ts';
import type { Prove } from './prove.ts';
import type { ResolveUser } from './resolve-user.ts';
import type { SignIn } from './sign-in.ts';

interface Dependencies extends Pick<SignIn, 'signInPage'> {
  readonly providers: Providers;
  readonly clock: Clock;
  readonly flows: Flows;
  readonly oidc: Pick<OidcEngine, 'currentSession'>;
  readonly users: Pick<UserService, 'find'>;
  readonly identities: Pick<Identities, 'link'>;
  readonly prove: Prove;
  readonly resolve: ResolveUser;
  readonly publicUrl: URL;
  /** Its path: '' or `/sub`. */
  readonly base: string;
}

/** What the first half of a sign-in leads to, once the provider has said who the person is. */
export type Arrival = PageReply | { readonly question: string };

/** What may be told on the next page; everything else is thrown on. */
const asRefusal = (error: unknown) => {
  if (!(error instanceof ProblemError)) throw error;
  const { problem, details } = error;
  return { refused: { type: problem.type, detail: details.detail } };
};

/** Seconds that the clock of a provider may be slow. */
const SKEW = 30;

/** The person can take `prompt=login` out of the request; `auth_time` is signed (D12). Throws `federation:not-proven`. */
function checkProven(authTime: number | undefined, since: number | undefined): void {
  if (since === undefined) return;
  if (authTime === undefined || !(authTime >= since - SKEW)) throw problems.notProven();
}

/** A browser comes back from a provider: signs in, links, asks, or goes back into its authorization request. */
export function createArrivals(dependencies: Dependencies) {
  const { providers, flows, oidc, users, identities, prove, resolve, signInPage } = dependencies;
  const { publicUrl, base, clock } = dependencies;

  /** Only for who is still signed in as they were when they left (CVE-2026-105207). */
  const link = async (
    goal: Extract<Goal, { kind: 'link' }>,
    proof: Proof,
    request: RequestInfo,
  ): Promise<PageReply> => {
    // Before it is known that their session lives: what changes from here on is seen.
    const user = await users.find(goal.userId);
    const current = await oidc.currentSession(request.exchange);
    if (current?.uid !== goal.sid || current.userId !== goal.userId) throw problems.stateInvalid();
    await identities.link(user, proof);
    if (goal.returnTo !== undefined) return { redirect: goal.returnTo };
    return { view: 'federation/connected', locals: { label: providers.get(proof.provider).label } };
  };

  const signInOrAsk = async (
    { returnTo }: Extract<Goal, { kind: 'sign-in' }>,
    proof: Proof,
    request: RequestInfo,
  ): Promise<Arrival> => {
    const { kind, user } = await resolve(proof);
    if (kind === 'user') return signInPage(user, proof, request, returnTo);
    const waiting: Waiting = { proof, ...(returnTo !== undefined && { returnTo }) };
    return { question: await flows.wait(waiting, request) };
  };

  /** In an authorization request the sign-in page says what went wrong, and offers the other ways. */
  const resume = async (
    uid: string,
    proof: () => Promise<Proof>,
    request: RequestInfo,
  ): Promise<PageReply> => {
    const outcome = await proof().then((proven) => ({ proof: proven }), asRefusal);
    const code = await flows.arrive({ uid, ...outcome }, request);
    return { redirect: `${base}/interaction/${uid}/federated?arrival=${code}` };
  };

  const arrive = async (
    goal: Goal,
    request: RequestInfo,
    proof: () => Promise<Proof>,
  ): Promise<Arrival> => {
    if (goal.kind === 'interaction') return resume(goal.uid, proof, request);
    if (goal.kind === 'link') return link(goal, await proof(), request);
    return signInOrAsk(goal, await proof(), request);
  };

  return {
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
      const { goal, nonce, codeVerifier, provenSince } = await flows.take(state, id, request);
      const redirectUri = callbackUrl(publicUrl, id);
      const flow = { redirectUri, state, nonce, codeVerifier, parameters };
      return arrive(goal, request, async () => {
        if (parameters.get('error') === 'access_denied') throw problems.cancelled();
        return prove(provider, async () => {
          const answer = await finish.call(provider, flow);
          checkProven(answer.authTime, provenSince);
          return answer;
        });
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
      // The person has just proved it on the page.
      const authTime = epochSeconds(clock);
      return arrive(goal, request, () => prove(provider, async () => ({ identity, authTime })));
    },
  };
}
