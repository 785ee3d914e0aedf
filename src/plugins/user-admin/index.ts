/** The users admin API: superusers find, disable, enable and delete users. Owns no table. */
import { z } from 'zod';
import { createLongWork } from '../../kernel/long-work.ts';
import { definePlugin } from '../../kernel/plugin.ts';
import { Roles } from '../roles/contract.ts';
import { Users } from '../users/contract.ts';
import { createCursors } from './cursor.ts';
import { createRoutes } from './routes.ts';
import { createUserAdmin } from './service.ts';

export const userAdmin = definePlugin({
  name: 'user-admin',
  kernel: 1,
  dependsOn: ['users', 'roles'],
  settings: z.object({}),
  setup({ use, secrets, random, log }) {
    const users = use(Users);
    const roles = use(Roles);
    const cursors = createCursors({ keys: secrets.keys('user-list-cursors'), random });
    const admin = createUserAdmin({ users, roles, cursors, log });
    return { routes: createRoutes(admin, createLongWork(log)) };
  },
});
