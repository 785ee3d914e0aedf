import type { Prompt, PromptOutcome } from '../../kernel/oidc.ts';
import { ProblemError } from '../../kernel/problem.ts';
import type { Admit } from '../../kernel/route.ts';
import type { FederationService } from '../federation/contract.ts';
import { createFederatedSteps } from './federated.ts';
import { createForms, type FormDependencies, type Refusal } from './forms.ts';
import { problems } from './problems.ts';
import type { SignInService } from './service.ts';

interface Dependencies extends FormDependencies {
  readonly service: SignInService;
  readonly federation: FederationService;
  /** Where passwords are hashed. */
  readonly admit: Admit;
}

/** One text for unknown, wrong and disabled (SEC-14). */
const WRONG = 'E-mail or password is wrong.';

type Attempt = () => Promise<PromptOutcome | undefined>;

/** Too many attempts are told on the form itself, with the status and headers of the problem, and whether mail helps. */
const unlessThrottled =
  (forgotPath: string | undefined) =>
  async (attempt: Attempt): Promise<PromptOutcome | Refusal | undefined> => {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.status !== 429) throw error;
      const waysOut = forgotPath === undefined ? [] : ['A new password by mail works at once.'];
      return { error: [reasonOf(error), ...waysOut].join(' '), problem: error };
    }
  };

/** A problem as one text, for the top of a form. */
const reasonOf = ({ problem, details }: ProblemError): string =>
  `${problem.title}. ${details.detail ?? problem.detail ?? ''}`.trim();

/** By address; what is left of an account's attempts is counted where its password is checked. */
const rateLimits: NonNullable<Prompt['rateLimits']> = {
  login: 'sign-in',
  again: 'sign-in',
  link: 'sign-in',
  register: 'register',
};

/** `login` and `select_account`: both lead to the same pages and the same actions. */
export function createPrompts(dependencies: Dependencies): Prompt[] {
  const { service, federation, mayRegister, forgotPath, admit } = dependencies;
  const forms = createForms(dependencies);
  const tryPassword = unlessThrottled(forgotPath);
  const federated = createFederatedSteps({
    ...{ federation, service, forgotPath },
    showSignIn: (input, problem) =>
      forms.signInOrAgain(input, { error: reasonOf(problem), problem }),
  });

  const actions: Prompt['actions'] = {
    cancel: async () => ({ finish: { error: 'access_denied' } }),
    link: federated.link,

    async login(input) {
      const { email = '', password = '' } = input.form;
      const outcome = await tryPassword(() => service.withPassword(email, password, input.request));
      if (outcome && !('error' in outcome)) return outcome;
      return forms.signIn(input, { email, ...(outcome ?? { error: WRONG }) });
    },

    async again(input) {
      const { password = '' } = input.form;
      const outcome = await tryPassword(() =>
        service.again(input.interaction, password, input.request),
      );
      if (outcome && !('error' in outcome)) return outcome;
      return forms.again(input, outcome ?? { error: 'The password is wrong.' });
    },

    async register(input) {
      if (!mayRegister) throw problems.registrationClosed();
      const { email = '', password = '', name } = input.form;
      try {
        const registration = { email, password, ...(name ? { name } : {}) };
        const outcome = await service.register(registration, input.request);
        if (outcome !== 'check-mail') return outcome ?? (await forms.signIn(input));
        const signInUrl = input.interaction.url('other');
        return { view: 'sign-in/check-mail', locals: { email: email.trim(), signInUrl } };
      } catch (error) {
        if (!(error instanceof ProblemError) || error.problem.status >= 500) throw error;
        return forms.register(input, { errors: formErrors(error), status: error.problem.status });
      }
    },
  };

  const common = {
    pages: {
      ...federated.pages,
      register: (input) => forms.register(input),
      other: (input) => forms.signIn(input),
    },
    rateLimits,
    admissions: { login: admit, again: admit, link: admit, register: admit },
  } satisfies Partial<Prompt>;

  return [
    { ...common, name: 'login', show: (input) => forms.signInOrAgain(input), actions },
    {
      ...common,
      name: 'select_account',
      requestable: true,
      show: (input) => forms.switchAccount(input),
      actions: {
        ...actions,
        async choose(input) {
          const isCurrent = input.form['choice'] === 'continue' && (await forms.isSignedIn(input));
          return isCurrent ? { finish: { select_account: {} } } : forms.signIn(input);
        },
      },
    },
  ];
}

/** Faults of the input, by form field; one without a field belongs to the form. */
function formErrors({ problem, details }: ProblemError): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const { pointer, detail } of details.errors ?? []) errors[pointer.slice(2)] = detail;
  if (Object.keys(errors).length > 0) return errors;
  if (problem.type.endsWith(':email-taken')) return { email: problem.title };
  return { form: problem.title };
}
