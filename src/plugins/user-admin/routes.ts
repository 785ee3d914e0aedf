import type { LongWork } from '../../kernel/long-work.ts';
import { access, defineRoute, type Route } from '../../kernel/route.ts';
import { SUPERUSER } from '../roles/contract.ts';
import { userProblems } from '../users/contract.ts';
import { problems } from './problems.ts';
import { ManagedUser, UserId, UserPage, UserQuery, UserStatus } from './schemas.ts';
import type { UserAdmin, UserWithRoles } from './service.ts';

const reading = access.role(SUPERUSER);
const writing = access.recent(access.role(SUPERUSER));

const bodyOf = ({ user, roles }: UserWithRoles) => ({
  id: user.id,
  email: user.email,
  email_verified: user.emailVerified,
  name: user.name,
  locale: user.locale,
  roles: [...roles],
  disabled: user.disabledAt !== null,
  disabled_at: user.disabledAt?.toISOString() ?? null,
  deleting_at: user.deletingAt?.toISOString() ?? null,
  created_at: user.createdAt.toISOString(),
});

/** `/users`: for superusers, looked up for every request. */
export const createRoutes = (admin: UserAdmin, finish: LongWork): readonly Route[] => [
  defineRoute({
    method: 'get',
    path: '/users',
    access: reading,
    summary: 'Users by e-mail address; `query` is a part of address or name',
    query: UserQuery,
    success: { status: 200, schema: UserPage },
    problems: [problems.invalidCursor],
    async handle({ query }) {
      const { users, next } = await admin.list(query);
      return { body: { users: users.map(bodyOf), next_cursor: next } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/users/:id',
    access: reading,
    summary: 'One user',
    params: UserId,
    success: { status: 200, schema: ManagedUser },
    problems: [userProblems.notFound],
    handle: async ({ params }) => ({ body: bodyOf(await admin.find(params.id)) }),
  }),
  defineRoute({
    method: 'patch',
    path: '/users/:id',
    access: writing,
    summary: 'Disable a user, which ends all sessions and grants, or enable one again',
    params: UserId,
    body: UserStatus,
    success: { status: 200, schema: ManagedUser },
    problems: [
      userProblems.notFound,
      userProblems.lastSuperuser,
      userProblems.beingDeleted,
      problems.ownAccount,
    ],
    handle: async ({ params, body, principal }) => ({
      body: bodyOf(await admin.setDisabled(principal.sub, params.id, body.disabled)),
    }),
  }),
  defineRoute({
    method: 'delete',
    path: '/users/:id',
    access: writing,
    summary: 'Delete a user and everything that is kept about them',
    params: UserId,
    success: {
      status: 204,
      underWay:
        'So much is kept about the user that deleting it goes on: `deleting_at` says so, and the user is disabled. Ask again: 204 or 404 when it is done. Where a server was stopped another one goes on within a minute.',
    },
    problems: [userProblems.notFound, userProblems.lastSuperuser, problems.ownAccount],
    async handle({ params, principal }) {
      const isDone = await finish(`deletion of user ${params.id}`, () =>
        admin.delete(principal.sub, params.id),
      );
      return isDone ? {} : { isUnderWay: true };
    },
  }),
];
