import type { History } from '../history.ts';

/** I3: each acknowledged registration exists exactly once, no other more than once, and lets its person in. */
export function checkRegistrations({ operations, accounts }: History): string[] {
  const acknowledged = operations.flatMap(({ registers, outcome }) =>
    registers !== undefined && outcome === 'ok' ? [registers] : [],
  );
  const twice = [...Map.groupBy(acknowledged, (address) => address)].flatMap(([address, all]) =>
    all.length > 1 ? [`${address} was registered ${all.length} times`] : [],
  );
  const missing = acknowledged
    .filter((address) => (accounts.get(address) ?? 0) === 0)
    .map((address) => `${address} was registered and is gone`);
  const doubled = [...accounts].flatMap(([address, count]) =>
    count > 1 ? [`${address} exists ${count} times`] : [],
  );
  const lost = operations
    .filter(({ owed, outcome }) => owed && outcome === 'refused')
    .map(({ kind, node, status }) => `${kind} at ${node} was refused with ${status}`);
  return [...twice, ...missing, ...doubled, ...lost];
}
