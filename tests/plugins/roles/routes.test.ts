import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Route } from '../../../src/kernel/route.ts';
import type { RoleService } from '../../../src/plugins/roles/contract.ts';
import { createRoutes } from '../../../src/plugins/roles/routes.ts';

describe('C1 DELETE /roles/:id of a role that very many have', () => {
  it('answers that it is under way, once for all who ask, and tells its end in the log', async () => {
    const logged: object[] = [];
    const log = { info: (fields: object) => void logged.push(fields), warn: () => undefined };
    const role = { id: randomUUID(), name: 'many', description: '', createdAt: new Date(0) };
    const { promise, resolve } = Promise.withResolvers<void>();
    let deletions = 0;
    const service: Pick<RoleService, 'find' | 'delete'> = {
      find: async () => role,
      delete: () => {
        deletions += 1;
        return promise;
      },
    };
    const routes = createRoutes({ roles: service as RoleService, log, patience: 1 });
    const route = routes.find(({ method }) => method === 'delete') as Route;
    const ask = () =>
      route.handle({ params: { id: role.id }, principal: { sub: 'admin' } } as never);
    expect(await ask()).to.deep.equal({ isUnderWay: true });
    expect(await ask()).to.deep.equal({ isUnderWay: true });
    expect([deletions, logged.length]).to.deep.equal([1, 0]);
    resolve();
    await new Promise(setImmediate);
    expect(logged).to.deep.equal([
      {
        event: 'admin.role_deleted',
        actor: 'admin',
        target: role.id,
        diff: { from: { name: 'many', description: '' }, to: null },
      },
    ]);
  });
});
