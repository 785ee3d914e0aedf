/** What has to be done after a backup of the database was restored. Owns nothing. */
import { z } from 'zod';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { restoreCommands } from './cli.ts';
import { Restore } from './contract.ts';

export const restore = definePlugin({
  name: 'restore',
  kernel: 1,
  settings: z.object({}),
  commands: restoreCommands,
  setup: ({ afterRestore, log }) => ({
    provides: [
      provide(Restore, {
        async seal() {
          await afterRestore();
          log.info({ event: 'restore.sealed' }, 'everybody has to sign in again');
        },
      }),
    ],
  }),
});
