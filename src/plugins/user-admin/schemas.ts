import { z } from 'zod';

/** In lower case, as PostgreSQL writes it: one spelling of an id, wherever it is compared. */
export const UserId = z.strictObject({ id: z.uuid().toLowerCase() });

export const UserQuery = z.strictObject({
  query: z.string().max(320).default(''),
  cursor: z.string().max(600).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

export const UserStatus = z.strictObject({ disabled: z.boolean() });

export const ManagedUser = z
  .object({
    id: z.uuid(),
    email: z.string(),
    email_verified: z.boolean(),
    name: z.string().nullable(),
    locale: z.string().nullable(),
    roles: z.array(z.string()),
    disabled: z.boolean(),
    disabled_at: z.iso.datetime().nullable(),
    /** Not null: what is kept about the user is being deleted, batch by batch. */
    deleting_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'ManagedUser' });

export const UserPage = z
  .object({ users: z.array(ManagedUser), next_cursor: z.string().nullable() })
  .meta({ id: 'UserPage' });
