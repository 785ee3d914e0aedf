import type { FaultWindow, History, Operation } from '../history.ts';
import { quietSince } from './quiet.ts';

/**
 * Milliseconds of undisturbed service after which every node refuses an access token that another node ended: 5 s
 * when messages are lost, and one for a busy machine. PostgreSQL's fence, which all other calls ask, has none.
 */
const KNOWN_EVERYWHERE = 6_000;

/** Calls that are decided by the node's own copy of the denylist. */
const BY_DENYLIST = new Set(['me', 'userinfo']);

/** I2: what was acknowledged to have ended (logout, revocation, password change, role removal) stays so. */
export function checkNotUndone({ operations, faults }: History): string[] {
  const endings = byFact(operations.filter(isAcknowledged), 'ends');
  const beginnings = byFact(
    operations.filter(({ outcome }) => outcome !== 'refused'),
    'begins',
  );
  return operations.filter(isAcknowledged).flatMap((use) =>
    (use.uses ?? []).flatMap((fact) => {
      const ending = (endings.get(fact) ?? []).find((end) => isBinding(end, use, faults));
      if (!ending) return [];
      const begins = beginnings.get(fact) ?? [];
      if (begins.some((begin) => mayFollow(begin, ending) && begin.started < use.ended)) return [];
      const late = Math.round(use.started - ending.ended);
      return [`${use.kind} at ${use.node} used "${fact}" ${late} ms after ${ending.kind}`];
    }),
  );
}

const isAcknowledged = ({ outcome }: Operation): boolean => outcome === 'ok';

function byFact(operations: readonly Operation[], role: 'ends' | 'begins') {
  const found = new Map<string, Operation[]>();
  for (const operation of operations) {
    for (const fact of operation[role] ?? []) {
      found.set(fact, [...(found.get(fact) ?? []), operation]);
    }
  }
  return found;
}

/** From when on the use must be refused. */
function isBinding(ending: Operation, use: Operation, faults: readonly FaultWindow[]): boolean {
  if (ending.ended >= use.started) return false;
  if (!BY_DENYLIST.has(use.kind) || ending.node === use.node) return true;
  return quietSince(ending.ended, use.started, faults) >= KNOWN_EVERYWHERE;
}

/** Without an answer it may have happened at any later time. */
const mayFollow = (begin: Operation, ending: Operation): boolean =>
  begin.outcome === 'unknown' || begin.ended > ending.started;
