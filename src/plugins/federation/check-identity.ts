import { parseEmailAddress, parseProfile } from '../users/contract.ts';
import type { UpstreamIdentity, UpstreamProvider } from './upstream.ts';

/** An identity whose every member was looked at; JSON keeps it as it is. */
export interface Proof {
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  /** Only what is one address, and the provider says is this person's. */
  readonly verifiedEmail?: { readonly address: string };
  readonly name: string | null;
  readonly locale: string | null;
  /** When it was proven at the provider, in seconds since 1970, if that says so. */
  readonly authTime?: number;
  /** Sealed. */
  readonly tokens?: string;
}

/** OIDC Core §2: at most 255 ASCII characters; others are generous, but not without end. */
const MAX_SUBJECT = 255;

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** What a person is called elsewhere is taken when it could have been typed here, and left out otherwise. */
function profileOf({ name, locale }: UpstreamIdentity) {
  const { profile } = parseProfile({ name: textOf(name), locale: textOf(locale) });
  return { name: profile.name ?? null, locale: profile.locale ?? null };
}

/** Checks what a provider answers with, whatever its types promise. Throws TypeError for an identity without a key (SEC-69). */
export function checkIdentity(provider: UpstreamProvider, identity: UpstreamIdentity): Proof {
  const subject = textOf(identity.subject);
  if (identity.issuer !== provider.issuer) throw new TypeError('the identity is of another issuer');
  if (subject === undefined || subject.length > MAX_SUBJECT || !subject.isWellFormed()) {
    throw new TypeError('the identity has no subject');
  }
  if (subject.includes('\0')) throw new TypeError('the subject contains NUL');
  const email = textOf(identity.email);
  // Strictly true: "false" is a text, and a text is true enough for whoever does not look (SEC-70).
  const verified: unknown = identity.emailVerified;
  const verifiedEmail =
    email !== undefined && verified === true ? parseEmailAddress(email) : undefined;
  return {
    provider: provider.id,
    issuer: provider.issuer,
    subject,
    ...(verifiedEmail && { verifiedEmail }),
    ...profileOf(identity),
  };
}
