import { type Diagnosis, warning } from '../../kernel/plugin.ts';
import type { RoleModel } from './model.ts';

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
