/** The forms of sign-in and registration, inside an authorization request. */
import type { InteractionInput, PromptOutcome } from '../../kernel/oidc.ts';
import type { ProblemError } from '../../kernel/problem.ts';
import type { FederationService } from '../federation/contract.ts';
import type { UserService } from '../users/contract.ts';
import { problems } from './problems.ts';

export interface FormDependencies {
  readonly users: Pick<UserService, 'find' | 'passwordMinLength'>;
  readonly federation: Pick<FederationService, 'options'>;
  readonly mayRegister: boolean;
  /** REGISTRATION=strict: what a mailed link leads to asks for the rest. */
  readonly registersByMail: boolean;
  /** Where those go who forgot their password; undefined when no mail can leave. */
  readonly forgotPath: string | undefined;
}

/** Why a form is shown again: in words, and what else than 401 it answers. */
export interface Refusal {
  readonly error: string;
  readonly problem?: ProblemError;
}

/** Whom a hint or a claim asks for may be somebody else: then nobody's e-mail is fixed. */
const isSamePerson = ({ interaction }: InteractionInput): boolean =>
  interaction.prompt === 'login' &&
  interaction.reasons.every((reason) => ['login_prompt', 'max_age'].includes(reason));

const shared = ({ csrf, interaction }: InteractionInput) => ({
  csrf,
  client: { name: interaction.client.name, redirectHost: interaction.client.redirectHost },
  cancelAction: interaction.url('cancel'),
});

export function createForms({
  users,
  federation,
  mayRegister,
  registersByMail,
  forgotPath,
}: FormDependencies) {
  /** Of who is signed in in this browser. */
  const emailOf = async ({ interaction }: InteractionInput): Promise<string | undefined> => {
    const { session } = interaction;
    const user = session && (await users.find(session.userId));
    return user && !user.disabledAt ? user.email : undefined;
  };

  const passwordForm = (input: InteractionInput, refused: Refusal | undefined, locals: object) => ({
    view: 'sign-in/sign-in',
    status: refused ? 401 : 200,
    ...(refused?.problem && { problem: refused.problem }),
    locals: {
      ...shared(input),
      error: refused?.error,
      forgotUrl: forgotPath,
      providers: federation.options().map(({ id, label }) => ({
        label,
        href: `${input.interaction.url('federation')}?provider=${id}`,
      })),
      ...locals,
    },
  });

  const signIn = async (
    input: InteractionInput,
    refused?: Refusal & { readonly email: string },
  ): Promise<PromptOutcome> => {
    const { interaction } = input;
    const hint = interaction.params['login_hint'];
    return passwordForm(input, refused, {
      action: interaction.url('login'),
      email: refused?.email ?? (typeof hint === 'string' ? hint : undefined),
      registerUrl: mayRegister ? interaction.url('register') : undefined,
      switchFrom: await emailOf(input),
    });
  };

  /** For who is signed in already, with this address. */
  const again = (input: InteractionInput, email: string, refused?: Refusal): PromptOutcome => {
    const { interaction } = input;
    return passwordForm(input, refused, {
      action: interaction.url('again'),
      email,
      reauthenticate: true,
      otherUrl: interaction.url('other'),
    });
  };

  return {
    signIn,

    /** The password of who is signed in; the whole form when nobody is any more. */
    async again(input: InteractionInput, refused?: Refusal): Promise<PromptOutcome> {
      const email = await emailOf(input);
      return email ? again(input, email, refused) : signIn(input);
    },

    /** Whichever fits: asked for again, or for the first time. */
    async signInOrAgain(input: InteractionInput, refused?: Refusal): Promise<PromptOutcome> {
      const email = isSamePerson(input) ? await emailOf(input) : undefined;
      if (email) return again(input, email, refused);
      return signIn(input, refused && { ...refused, email: '' });
    },

    async switchAccount(input: InteractionInput): Promise<PromptOutcome> {
      const email = await emailOf(input);
      if (!email) return signIn(input);
      const action = input.interaction.url('choose');
      return {
        view: 'sign-in/switch-account',
        locals: { ...shared(input), action, current: { email } },
      };
    },

    isSignedIn: async (input: InteractionInput): Promise<boolean> =>
      (await emailOf(input)) !== undefined,

    /** Throws `sign-in:registration-closed`. */
    async register(
      input: InteractionInput,
      refused?: { readonly errors: Record<string, string>; readonly status: number },
    ): Promise<PromptOutcome> {
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
          byMail: registersByMail,
        },
      };
    },
  };
}
