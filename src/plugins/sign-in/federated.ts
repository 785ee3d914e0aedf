import type { InteractionInput, Prompt, PromptOutcome } from '../../kernel/oidc.ts';
import { ProblemError } from '../../kernel/problem.ts';
import { type FederationService, questionPage } from '../federation/contract.ts';
import type { User } from '../users/contract.ts';
import type { Refusal } from './forms.ts';
import { problems } from './problems.ts';
import type { HowProven, SignInService } from './service.ts';

interface Dependencies {
  readonly federation: FederationService;
  readonly service: Pick<SignInService, 'signInAs'>;
  readonly forgotPath: string | undefined;
  /** The sign-in page, with what went wrong elsewhere. */
  readonly showSignIn: (input: InteractionInput, error: ProblemError) => Promise<PromptOutcome>;
}

interface FederatedSteps {
  readonly pages: NonNullable<Prompt['pages']>;
  readonly link: (input: InteractionInput) => Promise<PromptOutcome>;
}

/** As the application asked, whichever step the person leaves from: signing in at the choice of accounts answers `login` too. */
const mustProveAgain = ({ interaction: { params } }: InteractionInput): boolean =>
  params['max_age'] !== undefined ||
  String(params['prompt'] ?? '')
    .split(' ')
    .includes('login');

const arrivalAt = ({ interaction: { uid }, query }: InteractionInput) => ({
  uid,
  code: query['arrival'] ?? '',
});

/**
 * Pages `federation`, which leaves for another provider, and `federated`, where the browser comes back; `link` answers the
 * question that may be asked there.
 */
export function createFederatedSteps(dependencies: Dependencies): FederatedSteps {
  const { federation, service, forgotPath, showSignIn } = dependencies;

  const unlessRefused = async (
    input: InteractionInput,
    step: () => Promise<PromptOutcome>,
  ): Promise<PromptOutcome> => {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return showSignIn(input, error);
    }
  };

  const finish = async (
    { user, amr, authTime }: HowProven & { readonly user: User },
    { request }: InteractionInput,
  ): Promise<PromptOutcome> => {
    const outcome = await service.signInAs(user, request, { amr, authTime });
    if (!outcome) throw problems.cannotSignIn();
    return outcome;
  };

  /** Finishes, or asks (again). */
  const arrive = (input: InteractionInput, refused?: Refusal): Promise<PromptOutcome> =>
    unlessRefused(input, async () => {
      const outcome = await federation.finishInteraction(arrivalAt(input), input.request);
      if (outcome.kind === 'user') return finish(outcome, input);
      const { csrf, interaction } = input;
      const urls = { backUrl: interaction.url('other'), forgotUrl: forgotPath };
      const { code } = arrivalAt(input);
      const action = `${interaction.url('link')}?${new URLSearchParams({ arrival: code })}`;
      return questionPage({ question: outcome, csrf, action, refused, ...urls });
    });

  return {
    pages: {
      federation: (input) =>
        unlessRefused(input, () => {
          const { uid } = input.interaction;
          const interaction = { uid, reauthenticate: mustProveAgain(input) };
          const provider = input.query['provider'] ?? '';
          return federation.beginInteraction(provider, interaction, input.request);
        }),
      federated: (input) => arrive(input),
    },

    async link(input) {
      const { form, request } = input;
      try {
        const linked = await federation.linkInteraction(
          arrivalAt(input),
          form['password'],
          request,
        );
        return linked
          ? await finish(linked, input)
          : await arrive(input, { error: 'The password is wrong.' });
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        if (error.problem.status !== 429) return showSignIn(input, error);
        return arrive(input, { error: error.problem.title, problem: error });
      }
    },
  };
}
