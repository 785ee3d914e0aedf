import type { Fetch, Outgoing } from '../../kernel/outgoing.ts';

/**
 * `fetch` for calls to providers; a redirect is an answer like any other. The hosts of the issuers may be inner ones, since the
 * operator named them; what their metadata points to may not, unless OUTGOING_PRIVATE names it. An issuer that is no URL, of a
 * directory that is not called over HTTP, names no host.
 */
export function createUpstreamFetch(
  outgoing: Pick<Outgoing, 'allowing'>,
  issuers: () => readonly string[],
): Fetch {
  const urls = () => issuers().map((issuer) => URL.parse(issuer));
  const fetch = outgoing.allowing(() => urls().filter((url) => url !== null));
  return (input, init) => fetch(input, { ...init, redirect: 'manual' });
}
