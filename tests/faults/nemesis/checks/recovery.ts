import type { FaultWindow, History, Operation } from '../history.ts';

/** Milliseconds. */
const RECOVERY = 5_000;

/** I6: normal service at every node 5 s after a fault has healed, and from then on until the next one. */
export function checkRecovery({ operations, faults }: History): string[] {
  const inOrder = [...faults].sort((a, b) => a.began - b.began);
  const nodes = new Set(operations.filter(isProbe).map(({ node }) => node));
  return inOrder.flatMap((fault, index) => {
    const next = inOrder[index + 1]?.began ?? Number.POSITIVE_INFINITY;
    const slow = [...nodes].filter((node) => !hasRecovered(node, fault, operations));
    const failed = operations.filter(
      ({ outcome, started, ended }) =>
        outcome === 'unknown' && started > fault.healed + RECOVERY && ended < next,
    );
    return [
      ...slow.map((node) => `${node} had no normal service 5 s after "${fault.name}"`),
      ...failed.map(({ kind, node, status }) => `${kind} at ${node} got ${status} without a fault`),
    ];
  });
}

const isProbe = ({ kind }: Operation): boolean => kind === 'probe';

const hasRecovered = (node: string, fault: FaultWindow, operations: readonly Operation[]) =>
  operations.some(
    (operation) =>
      isProbe(operation) &&
      operation.node === node &&
      operation.outcome === 'ok' &&
      operation.started >= fault.healed &&
      operation.ended <= fault.healed + RECOVERY,
  );
