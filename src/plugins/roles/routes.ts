import { createLongWork } from '../../kernel/long-work.ts';
import type { Log } from '../../kernel/plugin.ts';
import { access, defineRoute, type Route } from '../../kernel/route.ts';
import { createRecord } from './audit.ts';
import { type RoleService, SUPERUSER } from './contract.ts';
import { problems } from './problems.ts';
import { bodyOf, loadRole } from './role-body.ts';
import { NewRole, Role, RoleChanges, RoleId, RoleList } from './schemas.ts';

interface Dependencies {
  readonly roles: RoleService;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Milliseconds that a request waits for the end of a deletion. */
  readonly patience?: number;
}

const reading = access.role(SUPERUSER);
const writing = access.recent(access.role(SUPERUSER));

/** `/roles`: for superusers, looked up for every request. */
export function createRoutes({ roles, log, patience }: Dependencies): readonly Route[] {
  const record = createRecord(log);
  const finish = createLongWork(log, patience);
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
        const role = bodyOf(await roles.create(body));
        record('role_created', principal.sub, role.id, { from: null, to: role });
        return { body: role };
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
      handle: async ({ params }) => ({ body: bodyOf(await loadRole(roles, params.id)) }),
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
        const { description: from } = await loadRole(roles, params.id);
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
      success: {
        status: 204,
        underWay:
          'So many users have the role that taking it from all of them goes on. Ask again: 204 or 404 when it is done, which also goes on where a server that was stopped left off.',
      },
      problems: [problems.notFound, problems.protected],
      async handle({ params, principal }) {
        const isDone = await finish(`deletion of role ${params.id}`, async () => {
          const { name, description } = await loadRole(roles, params.id);
          await roles.delete(params.id);
          const from = { name, description };
          record('role_deleted', principal.sub, params.id, { from, to: null });
        });
        return isDone ? {} : { isUnderWay: true };
      },
    }),
  ];
}
