/** Roles travel in access tokens, and those in cookies: what a user is granted must fit. */
import type { OidcEngine } from '../../kernel/oidc.ts';
import type { ProblemError } from '../../kernel/problem.ts';
import { problems } from './problems.ts';

/** What access tokens say of roles. */
export const ROLE_CLAIMS = ['roles', 'roles_ver'] as const;

/** As long as `roles_ver` gets: it grows with each change. */
const LONGEST_VERSION = 9_999_999_999;

export const bytesOfClaims = (names: readonly string[]): number =>
  Buffer.byteLength(JSON.stringify({ roles: names, roles_ver: LONGEST_VERSION }));

/** Bytes of role claims in the access token of this user; without one, where plugins say nothing. */
export type Room = (userId?: string) => Promise<number>;

export const createRoom =
  ({ oidc }: { readonly oidc: Pick<OidcEngine, 'roomForClaims'> }): Room =>
  (userId) =>
    oidc.roomForClaims(ROLE_CLAIMS, userId);

/** `roles:no-room` when these do not fit. */
export function whyTooMany(names: readonly string[], room: number): ProblemError | undefined {
  const bytes = bytesOfClaims(names);
  if (bytes <= room) return undefined;
  const fixed = bytesOfClaims([]);
  const detail = `Access tokens carry the names of all roles of their user, and browsers drop cookies of more than 4,096 bytes: these ${names.length} would take ${bytes - fixed} bytes, and there is room for ${Math.max(0, room - fixed)}. Take a role from the user first, or use roles with shorter names.`;
  return problems.noRoom({ detail });
}
