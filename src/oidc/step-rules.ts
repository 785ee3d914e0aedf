/** How a step that a form was posted to is counted and admitted: as its prompt says, never as another one's. */
import { errors } from 'oidc-provider';
import type { Prompt } from '../kernel/oidc.ts';
import type { Admit, Exchange, RateClass } from '../kernel/route.ts';
import { own } from './own.ts';

interface StepRules {
  readonly rateClass: RateClass;
  readonly admit: Admit | undefined;
}

type ReadInteraction = (exchange: Exchange) => Promise<{ readonly prompt: { name: string } }>;

const NO_STEP: StepRules = { rateClass: 'write', admit: undefined };

const rulesIn = ({ rateLimits, admissions }: Prompt, step: string | undefined): StepRules => ({
  rateClass: own(rateLimits, step) ?? 'write',
  admit: own(admissions, step),
});

const isSame = (one: StepRules, other: StepRules): boolean =>
  one.rateClass === other.rateClass && one.admit === other.admit;

/**
 * An action's name is enough while all prompts that have it say the same: nothing is read for a request that is then
 * refused. Where they differ the interaction is read, once a request. One that is not there is counted as a `write`: the
 * step itself looks again, and refuses.
 */
export function createStepRules(prompts: readonly Prompt[], read: ReadInteraction) {
  const found = new WeakMap<Exchange['req'], Promise<StepRules>>();

  const readRules = async (step: string | undefined, exchange: Exchange): Promise<StepRules> => {
    const interaction = await read(exchange).catch((error: unknown) => {
      if (error instanceof errors.SessionNotFound) return undefined;
      throw error;
    });
    const prompt = prompts.find(({ name }) => name === interaction?.prompt.name);
    return prompt ? rulesIn(prompt, step) : NO_STEP;
  };

  return async (step: string | undefined, exchange: Exchange): Promise<StepRules> => {
    const having = prompts.filter(({ actions }) => own(actions, step) !== undefined);
    const [rules = NO_STEP, ...others] = having.map((prompt) => rulesIn(prompt, step));
    if (others.every((other) => isSame(other, rules))) return rules;
    const known = found.get(exchange.req) ?? readRules(step, exchange);
    found.set(exchange.req, known);
    return known;
  };
}
