/** Roles and who has them. Owns tables roles and user_roles. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { Revocations } from '../revocations/contract.ts';
import { Users } from '../users/contract.ts';
import { createClaimSources } from './claims.ts';
import { commands } from './cli.ts';
import { RoleGranted, RoleRevoked, Roles } from './contract.ts';
import { diagnoseRoom, diagnoseSuperusers } from './diagnose.ts';
import { createHolderRoutes } from './holder-routes.ts';
import { createRoleModel } from './model.ts';
import { createRoom } from './room.ts';
import { createRoutes } from './routes.ts';
import { createRoleService } from './service.ts';

export const roles = definePlugin({
  name: 'roles',
  kernel: 1,
  dependsOn: ['users', 'revocations'],
  settings: z.object({}),
  events: [RoleGranted, RoleRevoked],
  commands,
  setup(context) {
    const users = context.use(Users);
    const model = createRoleModel(context.db);
    const room = createRoom(context);
    const service = createRoleService({
      ...context,
      room,
      roles: model,
      users,
      revocations: context.use(Revocations),
    });
    const parts = { ...context, roles: service, users };
    return {
      provides: [provide(Roles, service)],
      routes: [...createRoutes(parts), ...createHolderRoutes(parts)],
      claims: createClaimSources(model),
      diagnoses: [diagnoseSuperusers(model), diagnoseRoom(model, room)],
      exportUser: { roles: ({ id }) => model.exportUser(id) },
      eraseUser: ({ id }, transaction) => model.eraseUser(id, transaction),
      start: () => service.ensureSuperuser(),
    };
  },
});
