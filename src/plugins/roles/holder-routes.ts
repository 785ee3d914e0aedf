import type { Log } from '../../kernel/plugin.ts';
import { access, defineRoute, type Route } from '../../kernel/route.ts';
import { type UserService, userProblems } from '../users/contract.ts';
import { createRecord } from './audit.ts';
import { type RoleService, SUPERUSER } from './contract.ts';
import { problems } from './problems.ts';
import { bodyOf, loadRole } from './role-body.ts';
import { RoleList, UserAndRole, UserId } from './schemas.ts';

interface Dependencies {
  readonly roles: RoleService;
  readonly users: Pick<UserService, 'find'>;
  readonly log: Pick<Log, 'info'>;
}

const writing = access.recent(access.role(SUPERUSER));

/** `/users/:id/roles`: for superusers, looked up for every request. */
export function createHolderRoutes({ roles, users, log }: Dependencies): readonly Route[] {
  const record = createRecord(log);
  return [
    defineRoute({
      method: 'get',
      path: '/users/:id/roles',
      access: access.role(SUPERUSER),
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
      summary:
        'Give a user a role; nothing happens when they have it. Refused when an access token of theirs would be too long for its cookie',
      params: UserAndRole,
      success: { status: 204 },
      problems: [problems.notFound, problems.noRoom, userProblems.notFound],
      async handle({ params, principal }) {
        const { name } = await loadRole(roles, params.roleId);
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
        const { name } = await loadRole(roles, params.roleId);
        const isOwn = params.id === principal.sub;
        if (isOwn && name === SUPERUSER) throw problems.ownSuperuser();
        const changed = await roles.revoke(params.id, name);
        record('role_revoked', principal.sub, params.id, changed ? { removed: name } : {});
        return {};
      },
    }),
  ];
}
