import type { History } from '../history.ts';

/** I4: there is always at least one active superuser. */
export const checkSuperusers = ({ operations }: History): string[] =>
  operations
    .filter(({ kind, outcome }) => kind === 'count superusers' && outcome === 'ok')
    .filter(({ gave }) => !(Number(gave) >= 1))
    .map(({ gave, started }) => `${gave} superusers at ${Math.round(started)} ms`);
