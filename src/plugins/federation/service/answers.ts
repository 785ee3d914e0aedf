import type { PageReply, RequestInfo } from '../../../kernel/route.ts';
import type { ArrivalAt, InteractionOutcome } from '../contract.ts';
import type { Flows } from '../flows.ts';
import { problems } from '../problems.ts';
import type { Providers } from '../providers.ts';
import type { LinkQuestion } from '../upstream.ts';
import { createLinkQuestion, type QuestionDependencies } from './link-question.ts';
import type { ResolveUser } from './resolve-user.ts';
import { amrOf, type SignIn } from './sign-in.ts';

interface Dependencies extends QuestionDependencies, Pick<SignIn, 'signInPage'> {
  readonly providers: Providers;
  readonly flows: Flows;
  readonly resolve: ResolveUser;
}

/** Identities that wait: those of a question, and those of an authorization request. Throw `federationProblems`. */
export function createAnswers(dependencies: Dependencies) {
  const { providers, flows, resolve, signInPage } = dependencies;
  const { ask, confirm } = createLinkQuestion(dependencies);

  /** Whose provider may have been switched off meanwhile. */
  const findWaiting = async (code: string, request: RequestInfo) => {
    const waiting = await flows.findWaiting(code, request);
    providers.get(waiting.proof.provider);
    return waiting;
  };
  const findArrived = async ({ uid, code }: ArrivalAt, request: RequestInfo) => {
    const proof = await flows.findArrived(uid, code, request);
    providers.get(proof.provider);
    return proof;
  };
  const takeArrived = async ({ code }: ArrivalAt): Promise<void> => {
    if (!(await flows.takeArrived(code))) throw problems.stateInvalid();
  };

  return {
    /** What is asked of the person who was sent to `code`. */
    async question(code: string, request: RequestInfo): Promise<LinkQuestion> {
      const { proof } = await findWaiting(code, request);
      const { user } = await resolve(proof);
      return ask(user, proof, request);
    },

    /** Undefined for a wrong password: the question stays. */
    async answer(
      code: string,
      password: string | undefined,
      request: RequestInfo,
    ): Promise<PageReply | undefined> {
      const { proof, returnTo } = await findWaiting(code, request);
      const { user } = await resolve(proof);
      if (!(await confirm(user, proof, { password, request }))) return undefined;
      await flows.takeWaiting(code, request);
      return signInPage(user, proof, request, returnTo);
    },

    async finishInteraction(at: ArrivalAt, request: RequestInfo): Promise<InteractionOutcome> {
      const proof = await findArrived(at, request);
      const { kind, user } = await resolve(proof);
      if (kind === 'link') return ask(user, proof, request);
      await takeArrived(at);
      return { kind, user, amr: amrOf(proof.provider), authTime: proof.authTime };
    },

    async linkInteraction(at: ArrivalAt, password: string | undefined, request: RequestInfo) {
      const proof = await findArrived(at, request);
      const { user } = await resolve(proof);
      if (!(await confirm(user, proof, { password, request }))) return undefined;
      await takeArrived(at);
      return { kind: 'user' as const, user, amr: amrOf(proof.provider), authTime: proof.authTime };
    },
  };
}
