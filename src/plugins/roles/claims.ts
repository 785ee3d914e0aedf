/** The roles of the user, as tokens and userinfo say them. */
import type { ClaimSource } from '../../kernel/oidc.ts';
import type { RoleModel } from './model.ts';

export function createClaimSources(roles: RoleModel): readonly ClaimSource[] {
  return [
    {
      names: ['roles', 'roles_ver'],
      in: ['access_token'],
      async claims({ userId, forApi }) {
        // Disabled between the check and the token: version 0 is older than what the disabling denied.
        const held = (await roles.claims(userId)) ?? NO_LONGER_ACTIVE;
        // A third party is told nothing of roles by its token; how old they are, every denylist must know.
        return forApi ? { ...held } : { roles_ver: held.roles_ver };
      },
    },
    {
      names: ['roles'],
      in: ['account'],
      scope: 'roles',
      async claims({ userId, scopes }) {
        if (!scopes.has('roles')) return {};
        return { roles: (await roles.claims(userId))?.roles ?? [] };
      },
    },
  ];
}

const NO_LONGER_ACTIVE = { roles: [], roles_ver: 0 };
