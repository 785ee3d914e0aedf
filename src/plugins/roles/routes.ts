import { access, defineRoute, type Route } from '../../kernel/route.ts';
import { type UserService, userProblems } from '../users/contract.ts';
import { type Role as RoleRecord, type RoleService, SUPERUSER } from './contract.ts';
import { problems } from './problems.ts';
import { NewRole, Role, RoleChanges, RoleId, RoleList, UserAndRole, UserId } from './schemas.ts';

interface Dependencies {
  readonly roles: RoleService;
  readonly users: Pick<UserService, 'find'>;
}

const reading = access.role(SUPERUSER);
const writing = access.recent(access.role(SUPERUSER));

const bodyOf = ({ id, name, description, createdAt }: RoleRecord) => ({
  id,
  name,
  description,
  created_at: createdAt.toISOString(),
});

/** `/roles` and `/users/:id/roles`: for superusers, looked up for every request. */
export const createRoutes = (dependencies: Dependencies): readonly Route[] => [
  ...roleRoutes(dependencies),
  ...userRoleRoutes(dependencies),
];

const roleRoutes = ({ roles }: Dependencies): readonly Route[] => [
  defineRoute({
    method: 'get',
    path: '/roles',
    access: reading,
    summary: 'All roles, by name',
    success: { status: 200, schema: RoleList },
    problems: [],
    handle: async () => ({ body: { roles: (await roles.list()).map(bodyOf) } }),
  }),
  defineRoute({
    method: 'post',
    path: '/roles',
    access: writing,
    summary: 'Make a role',
    body: NewRole,
    success: { status: 201, schema: Role },
    problems: [problems.invalidName, problems.invalidDescription, problems.nameTaken],
    handle: async ({ body }) => ({ body: bodyOf(await roles.create(body)) }),
  }),
  defineRoute({
    method: 'get',
    path: '/roles/:id',
    access: reading,
    summary: 'One role',
    params: RoleId,
    success: { status: 200, schema: Role },
    problems: [problems.notFound],
    handle: async ({ params }) => ({ body: bodyOf(await load(roles, params.id)) }),
  }),
  defineRoute({
    method: 'patch',
    path: '/roles/:id',
    access: writing,
    summary: 'Change the description; a name never changes',
    params: RoleId,
    body: RoleChanges,
    success: { status: 200, schema: Role },
    problems: [problems.notFound, problems.invalidDescription],
    handle: async ({ params, body }) => ({
      body: bodyOf(await roles.describe(params.id, body.description)),
    }),
  }),
  defineRoute({
    method: 'delete',
    path: '/roles/:id',
    access: writing,
    summary: 'Delete a role and take it from everybody who has it',
    params: RoleId,
    success: { status: 204 },
    problems: [problems.notFound, problems.protected],
    handle: async ({ params }) => {
      await roles.delete(params.id);
      return {};
    },
  }),
];

const userRoleRoutes = ({ roles, users }: Dependencies): readonly Route[] => [
  defineRoute({
    method: 'get',
    path: '/users/:id/roles',
    access: reading,
    summary: 'The roles of a user',
    params: UserId,
    success: { status: 200, schema: RoleList },
    problems: [userProblems.notFound],
    handle: async ({ params }) => {
      if (!(await users.find(params.id))) throw userProblems.notFound();
      return { body: { roles: (await roles.listOf(params.id)).map(bodyOf) } };
    },
  }),
  defineRoute({
    method: 'put',
    path: '/users/:id/roles/:roleId',
    access: writing,
    summary: 'Give a user a role; nothing happens when they have it',
    params: UserAndRole,
    success: { status: 204 },
    problems: [problems.notFound, userProblems.notFound],
    handle: async ({ params }) => {
      await roles.grant(params.id, (await load(roles, params.roleId)).name);
      return {};
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/users/:id/roles/:roleId',
    access: writing,
    summary: 'Take a role from a user; nothing happens when they do not have it',
    params: UserAndRole,
    success: { status: 204 },
    problems: [problems.notFound, problems.lastSuperuser, userProblems.notFound],
    handle: async ({ params }) => {
      await roles.revoke(params.id, (await load(roles, params.roleId)).name);
      return {};
    },
  }),
];

async function load(roles: RoleService, id: string): Promise<RoleRecord> {
  const role = await roles.find(id);
  if (!role) throw problems.notFound();
  return role;
}
