import type { Random } from '../../kernel/clock.ts';
import { type Role, type RoleService, SUPERUSER } from './contract.ts';
import { problems } from './problems.ts';
import { isRoleName } from './role-name.ts';
import { type Room, whyTooMany } from './room.ts';
import { createRoleHolders, type HolderDependencies } from './service/role-holders.ts';

const MAX_DESCRIPTION_LENGTH = 500;

/** Contract, and what the plugin itself needs at its start. */
export type OwnRoleService = RoleService & {
  /** Makes the role `superuser` when it is missing. Idempotent, also from two nodes at once. */
  ensureSuperuser(): Promise<void>;
};

export function createRoleService(
  dependencies: HolderDependencies & { readonly random: Random },
): OwnRoleService {
  const { roles, clock, random } = dependencies;
  const newRole = (name: string, description: string): Role => ({
    id: random.uuid(),
    name,
    description,
    createdAt: new Date(clock.now()),
  });

  const ensureSuperuser = (): Promise<void> =>
    roles.createIfMissing(newRole(SUPERUSER, 'May manage users and roles'));

  return {
    ...createRoleHolders({ ...dependencies, ensureSuperuser }),
    ensureSuperuser,
    list: () => roles.list(),
    find: (id) => roles.findById(id),
    listOf: (userId) => roles.listOf(userId),
    namesOf: (userId) => roles.namesOf(userId),
    namesOfAll: (userIds) => roles.namesOfAll(userIds),

    async create({ name, description = '' }) {
      checkName(name);
      checkDescription(description);
      await checkLength(name, dependencies.room);
      const role = await roles.insert(newRole(name, description));
      if (!role) throw problems.nameTaken();
      return role;
    },

    async describe(id, description) {
      checkDescription(description);
      const role = await roles.describe(id, description, new Date(clock.now()));
      if (!role) throw problems.notFound();
      return role;
    },

    async findByName(name) {
      return isRoleName(name) ? roles.findByName(name) : undefined;
    },

    async has(userId, roleName) {
      return isRoleName(roleName) && roles.has(userId, roleName);
    },
  };
}

function checkName(name: string): void {
  if (isRoleName(name)) return;
  const detail =
    'A name starts with a letter and has at most 64 lower-case letters, digits, "-" and "_".';
  throw problems.invalidName({ errors: [{ pointer: '#/name', detail }] });
}

/** A role that nobody could be granted is not made. */
async function checkLength(name: string, room: Room): Promise<void> {
  const tooLong = whyTooMany([name], await room());
  if (!tooLong) return;
  const detail = `No access token has room for it. ${tooLong.details.detail}`;
  throw problems.invalidName({ errors: [{ pointer: '#/name', detail }] });
}

function checkDescription(description: string): void {
  const isPlain = description.isWellFormed() && !/[\p{Cc}\p{Bidi_Control}]/u.test(description);
  if (isPlain && [...description].length <= MAX_DESCRIPTION_LENGTH) return;
  const detail = `A description has at most ${MAX_DESCRIPTION_LENGTH} characters and no control characters.`;
  throw problems.invalidDescription({ errors: [{ pointer: '#/description', detail }] });
}
