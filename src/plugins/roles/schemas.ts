import { z } from 'zod';

/** In lower case, as PostgreSQL writes it: one spelling of an id, wherever it is compared. */
const id = z.uuid().toLowerCase();

export const RoleId = z.strictObject({ id });
export const UserId = z.strictObject({ id });
export const UserAndRole = z.strictObject({ id, roleId: id });

export const NewRole = z.strictObject({
  name: z.string().max(200),
  description: z.string().max(2000).optional(),
});

export const RoleChanges = z.strictObject({ description: z.string().max(2000) });

export const Role = z
  .object({
    id: z.uuid(),
    name: z.string(),
    description: z.string(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Role' });

export const RoleList = z.object({ roles: z.array(Role) }).meta({ id: 'RoleList' });
