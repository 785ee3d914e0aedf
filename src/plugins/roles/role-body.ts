import type { Role, RoleService } from './contract.ts';
import { problems } from './problems.ts';

/** A role as the API shows it. */
export const bodyOf = ({ id, name, description, createdAt }: Role) => ({
  id,
  name,
  description,
  created_at: createdAt.toISOString(),
});

/** Throws `roles:not-found`. */
export async function loadRole(roles: RoleService, id: string): Promise<Role> {
  const role = await roles.find(id);
  if (!role) throw problems.notFound();
  return role;
}
