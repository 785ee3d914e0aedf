import type { ClaimSource, ClaimSubject } from '../kernel/oidc.ts';
import { StoreUnavailable } from '../kernel/store.ts';

/** A plugin's claim source with the plugin it comes from. */
export interface OwnedClaims {
  readonly plugin: string;
  readonly source: ClaimSource;
}

type Place = ClaimSource['in'][number];

/** Milliseconds a source has to answer. */
const TIMEOUT = 2000;

async function ask({ plugin, source }: OwnedClaims, subject: ClaimSubject): Promise<object> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer in ${TIMEOUT} ms`)), TIMEOUT);
  try {
    const claims = await Promise.race([source.claims(subject), late.promise]);
    const stranger = Object.keys(claims).find((name) => !source.names.includes(name));
    if (stranger) throw new Error(`it set the claim "${stranger}", which it never named`);
    return claims;
  } catch (cause) {
    // Like a store that does not answer: the same request may work later, and nothing was used up.
    // Without quotation marks: what they hold is left out of the log.
    throw new StoreUnavailable(`the claims of plugin ${plugin} failed`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * All claims for one place. Throws `StoreUnavailable`, which names the plugin, when a source throws, hangs or sets what it
 * never named: a token without its claims is not issued.
 */
export async function collectClaims(
  sources: readonly OwnedClaims[],
  place: Place,
  subject: ClaimSubject,
): Promise<Record<string, unknown>> {
  const asked = sources.filter(({ source }) => source.in.includes(place));
  const answers = await Promise.all(asked.map((source) => ask(source, subject)));
  return Object.assign({}, ...answers) as Record<string, unknown>;
}

/** oidc-provider's `claims`: which scope releases which claims at userinfo (OIDC Core §5.4). */
export function scopeClaims(sources: readonly OwnedClaims[]): Record<string, string[]> {
  const released: Record<string, string[]> = { openid: ['sub'] };
  for (const { source } of sources) {
    if (!source.in.includes('account')) continue;
    const scope = source.scope ?? 'openid';
    released[scope] = [...(released[scope] ?? []), ...source.names];
  }
  return released;
}
