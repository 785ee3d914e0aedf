import type { Log } from '../../kernel/plugin.ts';
import { access, defineRoute, type Route } from '../../kernel/route.ts';
import { type UserService, userProblems } from '../users/contract.ts';
import { type Role as RoleRecord, type RoleService, SUPERUSER } from './contract.ts';
import { problems } from './problems.ts';
import { NewRole, Role, RoleChanges, RoleId, RoleList, UserAndRole, UserId } from './schemas.ts';

interface Dependencies {
  readonly roles: RoleService;
  readonly users: Pick<UserService, 'find'>;
  readonly log: Pick<Log, 'info'>;
}

const reading = access.role(SUPERUSER);
const writing = access.recent(access.role(SUPERUSER));

const bodyOf = ({ id, name, description, createdAt }: RoleRecord) => ({
  id,
  name,
  description,
  created_at: createdAt.toISOString(),
});

/** Who changed what, and how it was before (SEC-82). The line carries the request's id as every other. */
const createRecord =
  ({ log }: Dependencies) =>
  (action: string, actor: string, target: string, diff: object): void =>
    log.info({ event: `admin.${action}`, actor, target, diff }, 'a superuser changed a role');

/** `/roles` and `/users/:id/roles`: for superusers, looked up for every request. */
export const createRoutes = (dependencies: Dependencies): readonly Route[] => [
  ...roleRoutes(dependencies),
  ...userRoleRoutes(dependencies),
];

const roleRoutes = (dependencies: Dependencies): readonly Route[] => {
  const { roles } = dependencies;
  const record = createRecord(dependencies);
  return [
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
      async handle({ body, principal }) {
        const role = await roles.create(body);
        const { name, description } = role;
        record('role_created', principal.sub, role.id, { from: null, to: { name, description } });
        return { body: bodyOf(role) };
      },
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
      async handle({ params, body, principal }) {
        const { description: from } = await load(roles, params.id);
        const role = await roles.describe(params.id, body.description);
        const diff = { description: { from, to: role.description } };
        record('role_described', principal.sub, role.id, diff);
        return { body: bodyOf(role) };
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/roles/:id',
      access: writing,
      summary: 'Delete a role and take it from everybody who has it',
      params: RoleId,
      success: { status: 204 },
      problems: [problems.notFound, problems.protected],
      async handle({ params, principal }) {
        const { name, description } = await load(roles, params.id);
        await roles.delete(params.id);
        record('role_deleted', principal.sub, params.id, { from: { name, description }, to: null });
        return {};
      },
    }),
  ];
};

const userRoleRoutes = (dependencies: Dependencies): readonly Route[] => {
  const { roles, users } = dependencies;
  const record = createRecord(dependencies);
  return [
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
      async handle({ params, principal }) {
        const { name } = await load(roles, params.roleId);
        const changed = await roles.grant(params.id, name);
        record('role_granted', principal.sub, params.id, changed ? { added: name } : {});
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
      problems: [
        problems.notFound,
        problems.lastSuperuser,
        problems.ownSuperuser,
        userProblems.notFound,
      ],
      async handle({ params, principal }) {
        const { name } = await load(roles, params.roleId);
        const isOwn = params.id === principal.sub;
        if (isOwn && name === SUPERUSER) throw problems.ownSuperuser();
        const changed = await roles.revoke(params.id, name);
        record('role_revoked', principal.sub, params.id, changed ? { removed: name } : {});
        return {};
      },
    }),
  ];
};

async function load(roles: RoleService, id: string): Promise<RoleRecord> {
  const role = await roles.find(id);
  if (!role) throw problems.notFound();
  return role;
}
