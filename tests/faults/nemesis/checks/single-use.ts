import type { History, Operation } from '../history.ts';

/** Milliseconds in which the cookie API gives a refresh token that was used the same answer again. */
const SAME_ANSWER_WINDOW = 10_000;

/** I1: no code and no refresh token succeeds twice, outside the same-answer window. */
export function checkSingleUse({ operations }: History): string[] {
  const spent = operations.filter(
    ({ spends, outcome }) => spends !== undefined && outcome === 'ok',
  );
  return [...Map.groupBy(spent, ({ spends }) => spends)].flatMap(([token, uses]) => {
    const [first, ...others] = uses.sort((a, b) => a.ended - b.ended);
    if (!first || others.length === 0) return [];
    if (others.every((other) => isSameAnswer(first, other))) return [];
    return [`${first.kind}: token ${token} succeeded ${uses.length} times`];
  });
}

const isSameAnswer = (first: Operation, other: Operation): boolean =>
  first.kind === 'refresh cookie' &&
  first.gave === other.gave &&
  other.started <= first.ended + SAME_ANSWER_WINDOW;
