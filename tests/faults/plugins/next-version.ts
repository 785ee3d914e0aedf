/** Makes a node version N+1: it brings a migration of tables that version N reads and writes all the time. */
import { z } from 'zod';
import { definePlugin } from '../../../src/kernel/plugin.ts';

export const plugin = definePlugin({
  name: 'next-version',
  kernel: 1,
  settings: z.object({}),
  migrations: new URL('./next-version-migrations/', import.meta.url),
  setup: () => ({}),
});
