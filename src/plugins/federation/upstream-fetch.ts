import type { Fetch, Outgoing } from '../../kernel/outgoing.ts';

/**
 * `fetch` for calls to providers; a redirect is an answer like any other. The hosts of the issuers may be inner ones, since the
 * operator named them; what their metadata points to may not, unless OUTGOING_PRIVATE names it.
 */
export function createUpstreamFetch(
  outgoing: Pick<Outgoing, 'allowing'>,
  issuers: () => readonly string[],
): Fetch {
  const fetch = outgoing.allowing(() => issuers().map((issuer) => new URL(issuer)));
  return (input, init) => fetch(input, { ...init, redirect: 'manual' });
}
