/** What people gave to clients, and the fence of every code and refresh token. Owns table grants. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { Revocations } from '../revocations/contract.ts';
import { Grants } from './contract.ts';
import { createLostRotations } from './lost-rotations.ts';
import { createGrantModel } from './model.ts';
import { createGrantService } from './service.ts';
import { createSweeper } from './sweeper.ts';

export const grants = definePlugin({
  name: 'grants',
  kernel: 1,
  dependsOn: ['lifetimes', 'revocations'],
  settings: z.object({}),
  setup({ db, clock, random, core, log, use }) {
    const model = createGrantModel(db, core.accessTokenTtl);
    const lost = createLostRotations({ grants: model, clock, log });
    const service = createGrantService({
      grants: model,
      revocations: use(Revocations),
      lost,
      clock,
      random,
      lifetime: core.sessionTtl,
    });
    return {
      provides: [provide(Grants, service)],
      exportUser: { grants: ({ id }) => model.exportUser(id) },
      eraseUserInBatches: ({ id }, size, transaction) => model.eraseUser(id, size, transaction),
      afterRestore: () => model.endEvery('restored', new Date(clock.now())),
      oidcModels: { Grant: service.adapter },
      tasks: [{ name: 'grants.sweep', every: 60, run: createSweeper({ grants: model, clock }) }],
      stop: () => lost.stop(),
    };
  },
});
