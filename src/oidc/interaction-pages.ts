/** `/interaction/:uid`: hands each step of an authorization request to the plugin whose prompt it is. */
import { errors, type Provider } from 'oidc-provider';
import type {
  Interaction,
  InteractionInput,
  InteractionResult,
  Prompt,
  PromptOutcome,
} from '../kernel/oidc.ts';
import { defineProblems } from '../kernel/problem.ts';
import {
  type Exchange,
  FailedAfterSignIn,
  type Page,
  type PageInput,
  type PageReply,
} from '../kernel/route.ts';
import { createKeepInteraction, type KeepInteractionDependencies } from './keep-interaction.ts';
import { ACTED_ON } from './lifetimes.ts';
import { own } from './own.ts';
import { redirectHost } from './redirect-host.ts';
import { createStepRules } from './step-rules.ts';

export const interactionProblems = defineProblems('interaction', {
  expired: {
    status: 400,
    title: 'This sign-in has expired',
    detail: 'Go back to the application and start again.',
  },
  unknownStep: { status: 404, title: 'There is no such step' },
});

interface Dependencies extends KeepInteractionDependencies {
  readonly prompts: readonly Prompt[];
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
}

type ProviderInteraction = Awaited<ReturnType<Provider['interactionDetails']>>;

export function createInteractionPages(dependencies: Dependencies): Page[] {
  const { provider, prompts, base } = dependencies;
  const keep = createKeepInteraction(dependencies);

  const load = async ({ req, res }: Exchange, uid: string | undefined) => {
    try {
      const raw = await provider.interactionDetails(req, res);
      if (raw.uid !== uid) throw interactionProblems.expired();
      return { raw, interaction: await describe(raw, provider, base) };
    } catch (error) {
      if (error instanceof errors.SessionNotFound)
        throw interactionProblems.expired({ cause: error });
      throw error;
    }
  };

  const run = async (
    input: PageInput,
    choose: (prompt: Prompt) => ((input: InteractionInput) => Promise<PromptOutcome>) | undefined,
  ): Promise<PageReply> => {
    const { exchange } = input.request;
    const { raw, interaction } = await load(exchange, input.params['uid']);
    const prompt = prompts.find(({ name }) => name === interaction.prompt);
    const step = prompt && choose(prompt);
    if (!step) throw interactionProblems.unknownStep();
    if (exchange.req.method === 'POST' && !(await keep(raw, exchange, interaction.url())))
      throw interactionProblems.expired();
    const outcome = await step({ ...input, interaction });
    if (!('finish' in outcome)) return outcome;
    const { cookies = [] } = outcome;
    try {
      return { redirect: await finish(provider, raw, exchange, outcome.finish), cookies };
    } catch (error) {
      throw new FailedAfterSignIn(error, cookies);
    }
  };

  const rulesOf = createStepRules(prompts, (exchange) =>
    provider.interactionDetails(exchange.req, exchange.res),
  );
  const path = '/interaction/:uid';
  const shared = { access: { kind: 'public' }, leavesSite: true } as const;
  return [
    { ...shared, method: 'get', path, handle: (input) => run(input, ({ show }) => show) },
    {
      ...shared,
      method: 'get',
      path: `${path}/:step`,
      handle: (input) => run(input, ({ pages }) => own(pages, input.params['step'])),
    },
    {
      ...shared,
      method: 'post',
      path: `${path}/:step`,
      rateLimit: async ({ step }, exchange) => (await rulesOf(step, exchange)).rateClass,
      admit: async ({ step }, exchange) => (await rulesOf(step, exchange)).admit,
      handle: (input) => run(input, ({ actions }) => own(actions, input.params['step'])),
    },
  ];
}

/** Throws `interaction:expired` when the client is gone. */
async function describe(
  { uid, prompt, params, session }: ProviderInteraction,
  provider: Provider,
  base: string,
): Promise<Interaction> {
  const client = await provider.Client.find(String(params['client_id']));
  if (!client) throw interactionProblems.expired();
  const redirectUri = String(params['redirect_uri']);
  return {
    uid,
    prompt: prompt.name,
    reasons: prompt.reasons,
    details: prompt.details,
    params,
    client: {
      id: client.clientId,
      name: client.clientName ?? client.clientId,
      redirectUri,
      redirectHost: redirectHost(redirectUri),
    },
    ...(session?.uid ? { session: { uid: session.uid, userId: session.accountId } } : {}),
    url: (action) => `${base}/interaction/${uid}${action ? `/${action}` : ''}`,
  };
}

/** Stores the result; answers where the browser goes on. */
async function finish(
  provider: Provider,
  raw: ProviderInteraction,
  { req, res }: Exchange,
  result: InteractionResult,
): Promise<string> {
  const { replacedSession, ...login } = result.login ?? { replacedSession: false };
  if (replacedSession && raw.session) {
    // The request goes on with the new session; oidc-provider compares the two by this member.
    delete (raw.session as { uid?: string }).uid;
    // As long as `keep-interaction.ts` has just let it go on.
    await raw.save(ACTED_ON);
  }
  const answer = { ...result, ...(result.login ? { login } : {}) };
  const mergeWithLastSubmission = !result.error;
  return provider.interactionResult(req, res, answer as never, { mergeWithLastSubmission });
}
