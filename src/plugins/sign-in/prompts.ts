import type { InteractionInput, Prompt, PromptOutcome } from '../../kernel/oidc.ts';
import { ProblemError } from '../../kernel/problem.ts';
import type { FederationService } from '../federation/contract.ts';
import type { UserService } from '../users/contract.ts';
import { createFederatedSteps } from './federated.ts';
import { problems } from './problems.ts';
import type { SignInService } from './service.ts';

interface Dependencies {
  readonly service: SignInService;
  readonly users: UserService;
  readonly federation: FederationService;
  readonly mayRegister: boolean;
  /** Where those go who forgot their password; undefined when no mail can leave. */
  readonly forgotPath: string | undefined;
}

/** One text for unknown, wrong and disabled (SEC-14). */
const WRONG = 'E-mail or password is wrong.';

/** Why a form is shown again: in words, and what else than 401 it answers. */
interface Refusal {
  readonly error: string;
  readonly problem?: ProblemError;
}

/** Too many attempts are told on the form itself, with the status and headers of the problem. */
async function unlessThrottled(
  attempt: () => Promise<PromptOutcome | undefined>,
): Promise<PromptOutcome | Refusal | undefined> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof ProblemError) || error.problem.status !== 429) throw error;
    return { error: reasonOf(error), problem: error };
  }
}

const clientOf = ({ interaction }: InteractionInput) => {
  const { name, redirectHost } = interaction.client;
  return { name, redirectHost };
};

/** Whom a hint or a claim asks for may be somebody else: then nobody's e-mail is fixed. */
const isSamePerson = ({ interaction }: InteractionInput): boolean =>
  interaction.prompt === 'login' &&
  interaction.reasons.every((reason) => ['login_prompt', 'max_age'].includes(reason));

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

const deny = async (): Promise<PromptOutcome> => ({ finish: { error: 'access_denied' } });

/** `login` and `select_account`: both lead to the same pages and the same actions. */
export function createPrompts(dependencies: Dependencies): Prompt[] {
  const { service, users, federation, mayRegister, forgotPath } = dependencies;
  const { admit } = users;
  const admissions = { login: admit, again: admit, link: admit, register: admit };
  const emailOf = async ({ interaction }: InteractionInput): Promise<string | undefined> => {
    const { session } = interaction;
    const user = session && (await users.find(session.userId));
    return user && !user.disabledAt ? user.email : undefined;
  };

  const shared = (input: InteractionInput) => ({
    csrf: input.csrf,
    client: clientOf(input),
    cancelAction: input.interaction.url('cancel'),
  });

  const providersOf = ({ interaction }: InteractionInput) =>
    federation.options().map(({ id, label }) => ({
      label,
      href: `${interaction.url('federation')}?provider=${id}`,
    }));

  const signInPage = async (
    input: InteractionInput,
    refused?: Refusal & { readonly email: string },
  ): Promise<PromptOutcome> => {
    const { interaction } = input;
    const switchFrom = await emailOf(input);
    const hint = interaction.params['login_hint'];
    return {
      view: 'sign-in/sign-in',
      status: refused ? 401 : 200,
      ...(refused?.problem ? { problem: refused.problem } : {}),
      locals: {
        ...shared(input),
        action: interaction.url('login'),
        email: refused?.email ?? (typeof hint === 'string' ? hint : undefined),
        error: refused?.error,
        forgotUrl: forgotPath,
        providers: providersOf(input),
        registerUrl: mayRegister ? interaction.url('register') : undefined,
        switchFrom,
      },
    };
  };

  const againPage = async (
    input: InteractionInput,
    email: string,
    refused?: Refusal,
  ): Promise<PromptOutcome> => ({
    view: 'sign-in/sign-in',
    status: refused ? 401 : 200,
    ...(refused?.problem ? { problem: refused.problem } : {}),
    locals: {
      ...shared(input),
      action: input.interaction.url('again'),
      email,
      error: refused?.error,
      forgotUrl: forgotPath,
      providers: providersOf(input),
      reauthenticate: true,
      otherUrl: input.interaction.url('other'),
    },
  });

  const registerPage = async (
    input: InteractionInput,
    refused?: { errors: Record<string, string>; status: number },
  ): Promise<PromptOutcome> => {
    if (!mayRegister) throw problems.registrationClosed();
    const { interaction, form } = input;
    return {
      view: 'sign-in/register',
      status: refused?.status ?? 200,
      locals: {
        ...shared(input),
        action: interaction.url('register'),
        signInUrl: interaction.url('other'),
        values: { email: form['email'], name: form['name'] },
        errors: refused?.errors,
        passwordMinLength: users.passwordMinLength,
      },
    };
  };

  const actions: Prompt['actions'] = {
    cancel: deny,
    link: (input) => federated.link(input),

    async login(input) {
      const { email = '', password = '' } = input.form;
      const outcome = await unlessThrottled(() =>
        service.withPassword(email, password, input.request),
      );
      if (outcome && !('error' in outcome)) return outcome;
      return signInPage(input, { email, ...(outcome ?? { error: WRONG }) });
    },

    async again(input) {
      const { password = '' } = input.form;
      const outcome = await unlessThrottled(() =>
        service.again(input.interaction, password, input.request),
      );
      if (outcome && !('error' in outcome)) return outcome;
      const email = await emailOf(input);
      if (!email) return signInPage(input);
      return againPage(input, email, outcome ?? { error: 'The password is wrong.' });
    },

    async register(input) {
      if (!mayRegister) throw problems.registrationClosed();
      const { email = '', password = '', name } = input.form;
      try {
        const registration = { email, password, ...(name ? { name } : {}) };
        const outcome = await service.register(registration, input.request);
        if (outcome !== 'check-mail') return outcome ?? (await signInPage(input));
        const signInUrl = input.interaction.url('other');
        return { view: 'sign-in/check-mail', locals: { email: email.trim(), signInUrl } };
      } catch (error) {
        if (!(error instanceof ProblemError) || error.problem.status >= 500) throw error;
        return registerPage(input, { errors: formErrors(error), status: error.problem.status });
      }
    },
  };

  const federated = createFederatedSteps({
    ...{ federation, service, forgotPath },
    showSignIn: async (input, error) => {
      const email = await emailOf(input);
      const refused = { error: reasonOf(error), problem: error };
      return email && isSamePerson(input)
        ? againPage(input, email, refused)
        : signInPage(input, { ...refused, email: '' });
    },
  });

  const pages: NonNullable<Prompt['pages']> = {
    ...federated.pages,
    register: (input) => registerPage(input),
    other: (input) => signInPage(input),
  };

  return [
    {
      name: 'login',
      pages,
      actions,
      rateLimits,
      admissions,
      async show(input) {
        const email = await emailOf(input);
        return email && isSamePerson(input) ? againPage(input, email) : signInPage(input);
      },
    },
    {
      name: 'select_account',
      requestable: true,
      pages,
      rateLimits,
      admissions,
      async show(input) {
        const email = await emailOf(input);
        if (!email) return signInPage(input);
        return {
          view: 'sign-in/switch-account',
          locals: {
            ...shared(input),
            action: input.interaction.url('choose'),
            current: { email },
          },
        };
      },
      actions: {
        ...actions,
        async choose(input) {
          const isCurrent = input.form['choice'] === 'continue' && (await emailOf(input));
          return isCurrent ? { finish: { select_account: {} } } : signInPage(input);
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
