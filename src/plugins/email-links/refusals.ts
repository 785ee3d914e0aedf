/** Why a form is shown again. */
import type { ProblemError } from '../../kernel/problem.ts';

/** A problem as one text. */
export const reasonOf = ({ problem, details }: ProblemError): string => {
  const faults = details.errors?.map(({ detail }) => detail).join(' ');
  return faults ?? `${problem.title}. ${details.detail ?? problem.detail ?? ''}`.trim();
};
