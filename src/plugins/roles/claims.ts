/** The roles of the user, in every access token. */
import type { ClaimSource } from '../../kernel/oidc.ts';
import type { RoleModel } from './model.ts';

export function createClaimSource(roles: RoleModel): ClaimSource {
  return {
    names: ['roles', 'roles_ver'],
    in: ['access_token'],
    // Disabled between the check and the token: version 0 is older than what the disabling denied.
    claims: async ({ userId }) => ({ ...((await roles.claims(userId)) ?? NO_LONGER_ACTIVE) }),
  };
}

const NO_LONGER_ACTIVE = { roles: [], roles_ver: 0 };
