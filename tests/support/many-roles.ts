/** People with as many roles as one likes. */
import { randomInt, randomUUID } from 'node:crypto';
import { Roles } from '../../src/plugins/roles/contract.ts';
import type { TestApp } from './test-app.ts';

/** A name that no other role has, of 1 to 64 characters. */
export const anyRoleName = (length = randomInt(40, 65)): string =>
  `r${randomUUID()}${'x'.repeat(64)}`.slice(0, length);

/** Gives roles past everything that looks at them, as versions of before did. */
export async function giveRoles(
  { storage }: TestApp,
  userId: string,
  names: readonly string[],
): Promise<void> {
  await storage.db.query(
    {
      name: 'test-give-roles',
      text: `WITH made AS (INSERT INTO roles (id, name, description, created_at, updated_at)
          SELECT gen_random_uuid(), name, '', now(), now() FROM unnest($2::text[]) AS name
          ON CONFLICT (name) DO UPDATE SET updated_at = now() RETURNING id)
        INSERT INTO user_roles (user_id, role_id, created_at) SELECT $1::uuid, id, now() FROM made
        ON CONFLICT DO NOTHING`,
    },
    [userId, names],
  );
}

/** Grants roles with random names, ever shorter ones, until none fits. `ahead`: so many without a transaction each. */
export async function grantUntilFull(app: TestApp, userId: string, ahead = 20): Promise<void> {
  const roles = app.app.use(Roles);
  let length = randomInt(30, 65);
  const many = Array.from({ length: ahead }, () => anyRoleName(randomInt(30, 60)));
  await giveRoles(app, userId, many);
  while (length > 0) {
    const name = anyRoleName(length);
    if (!(await roles.findByName(name))) await roles.create({ name });
    const isGranted = await roles.grant(userId, name).catch((error: unknown) => {
      if ((error as { problem?: { type?: string } }).problem?.type !== 'urn:problem:roles:no-room')
        throw error;
      return undefined;
    });
    if (!isGranted) length = isGranted === undefined ? Math.floor(length / 2) : length - 1;
  }
}
