import { broken, type Diagnosis, type Finding, warning } from '../../kernel/plugin.ts';
import { SUPERUSER } from './contract.ts';
import type { RoleModel } from './model.ts';
import { bytesOfClaims, type Room, whyTooMany } from './room.ts';

/** `superusers`: before commands asked for a verified address, whoever registered the operator's first was made one (D1). */
export const diagnoseSuperusers = (roles: Pick<RoleModel, 'unverifiedSuperusers'>): Diagnosis => ({
  name: 'superusers',
  check: async () =>
    (await roles.unverifiedSuperusers()).map((id) =>
      warning(
        `The superuser ${id} has an address that nobody has verified: anybody may have registered it.`,
        `Look: authsrv user show ${id}. If it is who you mean: authsrv create-superuser ${id} --password-stdin, which sets their password, vouches for the address and signs them out everywhere. If not: authsrv role revoke ${id} superuser.`,
      ),
    ),
});

/**
 * `roles`: people who have more roles than an access token carries, granted before that was looked at (B-03) or under a
 * shorter PUBLIC_URL; and settings that leave no room for any.
 */
export const diagnoseRoom = (roles: Pick<RoleModel, 'holdersOfMore'>, room: Room): Diagnosis => ({
  name: 'roles',
  async check() {
    const most = await room();
    if (whyTooMany([SUPERUSER], most)) return [NO_ROOM];
    const ids = await roles.holdersOfMore(most - bytesOfClaims([]));
    return ids.map(tooMany);
  },
});

const NO_ROOM = broken(
  'PUBLIC_URL, API_AUDIENCE and API_SCOPES are so long that access tokens have no room for roles: nobody can be granted one, and REST logins get tokens for this server alone.',
  'Shorten API_AUDIENCE and API_SCOPES, or PUBLIC_URL.',
);

const tooMany = (id: string): Finding =>
  warning(
    `The user ${id} has more roles than an access token in a cookie has room for: REST logins get tokens for this server alone, without roles, which your API refuses.`,
    `Look: authsrv user show ${id}. Take roles away with authsrv role revoke ${id} <role>, or give one role in place of many.`,
  );
