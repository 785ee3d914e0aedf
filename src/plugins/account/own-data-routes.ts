import { access, defineRoute, type Route } from '../../kernel/route.ts';
import { userProblems } from '../users/contract.ts';
import type { OwnData } from './own-data.ts';
import { problems } from './problems.ts';
import { UserExport } from './schemas.ts';

/** `DELETE /auth/me` and `GET /auth/me/export`. */
export const createOwnDataRoutes = (ownData: OwnData): readonly Route[] => [
  defineRoute({
    method: 'get',
    path: '/auth/me/export',
    access: access.own(access.user()),
    summary: 'Download everything that is kept about the signed-in user',
    success: { status: 200, schema: UserExport },
    problems: [problems.refreshRejected],
    async handle({ principal }) {
      const body = await ownData.export(principal.sub);
      const name = `account-${body.exported_at.slice(0, 10)}.json`;
      return { body, headers: { 'Content-Disposition': `attachment; filename="${name}"` } };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/auth/me',
    access: access.own(access.recent(access.user())),
    summary: 'Delete the signed-in user and everything that is kept about them',
    success: { status: 204 },
    problems: [userProblems.lastSuperuser, userProblems.notFound],
    handle: async ({ principal }) => ({ cookies: await ownData.delete(principal.sub) }),
  }),
];
