import type { FaultWindow, History, Operation } from '../history.ts';

/** Milliseconds. */
const RECOVERY = 5_000;

/**
 * I6: normal service at every node 5 s after a fault has healed, and from then on until the next one.
 * A probe takes its time as well: twice as long as right before the first fault is allowed for, on top.
 */
export function checkRecovery({ operations, faults }: History): string[] {
  const inOrder = [...faults].sort((a, b) => a.began - b.began);
  const nodes = new Set(operations.filter(isProbe).map(({ node }) => node));
  const limit = RECOVERY + 2 * usualTime(operations, inOrder[0]);
  return inOrder.flatMap((fault, index) => {
    const next = inOrder[index + 1]?.began ?? Number.POSITIVE_INFINITY;
    const slow = [...nodes].filter((node) => !hasRecovered(node, fault, operations, limit));
    const failed = operations.filter(
      ({ outcome, started, ended }) =>
        outcome === 'unknown' && started > fault.healed + limit && ended < next,
    );
    return [
      ...slow.map((node) => `${node} had no normal service 5 s after "${fault.name}"`),
      ...failed.map(({ kind, node, status }) => `${kind} at ${node} got ${status} without a fault`),
    ];
  });
}

const isProbe = ({ kind }: Operation): boolean => kind === 'probe';

/** Milliseconds of the last probe before the first fault; 0 without one. */
function usualTime(operations: readonly Operation[], first: FaultWindow | undefined): number {
  const last = operations.filter((one) => isProbe(one) && one.ended < (first?.began ?? 0)).at(-1);
  return last ? last.ended - last.started : 0;
}

const hasRecovered = (
  node: string,
  fault: FaultWindow,
  operations: readonly Operation[],
  limit: number,
): boolean =>
  operations.some(
    (operation) =>
      isProbe(operation) &&
      operation.node === node &&
      operation.outcome === 'ok' &&
      operation.started >= fault.healed &&
      operation.ended <= fault.healed + limit,
  );
