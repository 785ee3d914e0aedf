import { type Command, CommandError, type CommandInput } from '../../kernel/plugin.ts';
import { namedUser, UNVERIFIED_OPTION, USER_ARGUMENT, Users } from '../users/contract.ts';
import { type Role, type RoleService, Roles } from './contract.ts';
import { createSuperuser } from './create-superuser.ts';

const JSON_OPTION = { flags: '--json', summary: 'print JSON' };
const ROLE = { name: '<role>', summary: 'name of the role' };

export const commands: readonly Command[] = [
  createSuperuser,
  {
    name: 'role list',
    summary: 'list all roles',
    options: [JSON_OPTION],
    async run({ options, io, use }) {
      const roles = await use(Roles).list();
      if (options['json']) return io.out(JSON.stringify(roles.map(toJson), undefined, 2));
      for (const { name, description } of roles) io.out(`${name}  ${description}`.trimEnd());
    },
  },
  {
    name: 'role create',
    summary: 'make a role',
    args: [
      { name: '<name>', summary: 'lower-case letters, digits, "-" and "_"' },
      { name: '[description]', summary: 'what the role is for' },
    ],
    options: [JSON_OPTION],
    async run({ args: [name = '', description], options, io, record, use }) {
      const role = await use(Roles).create({ name, description });
      record('role_created', role.id, { from: null, to: toJson(role) });
      io.out(
        options['json'] ? JSON.stringify(toJson(role), undefined, 2) : `Created ${role.name}.`,
      );
    },
  },
  {
    name: 'role delete',
    summary:
      'delete a role and take it from everybody who has it; one that was cut off is finished by the next',
    args: [ROLE],
    async run({ args: [name = ''], io, record, use }) {
      const role = await use(Roles).findByName(name);
      if (!role) throw new CommandError(`There is no role "${name}".`);
      await use(Roles).delete(role.id);
      const { description } = role;
      record('role_deleted', role.id, { from: { name, description }, to: null });
      io.out(`Deleted ${name}.`);
    },
  },
  {
    name: 'role grant',
    summary: 'give a user a role',
    args: [USER_ARGUMENT, ROLE],
    options: [UNVERIFIED_OPTION],
    run: (input) =>
      changeRoles(input, async (roles, userId, role) => {
        if (await roles.grant(userId, role)) input.record('role_granted', userId, { added: role });
      }),
  },
  {
    name: 'role revoke',
    summary: 'take a role from a user',
    args: [USER_ARGUMENT, ROLE],
    options: [UNVERIFIED_OPTION],
    run: (input) =>
      changeRoles(input, async (roles, userId, role) => {
        const changed = await roles.revoke(userId, role);
        if (changed) input.record('role_revoked', userId, { removed: role });
      }),
  },
];

async function changeRoles(
  input: CommandInput,
  apply: (roles: RoleService, userId: string, role: string) => Promise<void>,
): Promise<void> {
  const { args, io, use } = input;
  const { id, email } = await namedUser(use(Users), input);
  await apply(use(Roles), id, args[1] ?? '');
  const names = await use(Roles).namesOf(id);
  io.out(`${email}: ${names.join(', ') || 'no roles'}`);
}

const toJson = ({ id, name, description, createdAt }: Role) => ({
  id,
  name,
  description,
  created_at: createdAt.toISOString(),
});
