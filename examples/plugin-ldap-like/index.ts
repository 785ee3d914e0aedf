/** Sign in with a directory: a plugin outside `src/` with a table, pages, commands, settings and a way to sign in. */
import { z } from 'zod';
import { definePlugin } from '../../src/kernel/plugin.ts';
import { provide } from '../../src/kernel/service.ts';
import { Federation } from '../../src/plugins/federation/contract.ts';
import { RateLimits } from '../../src/plugins/rate-limit/contract.ts';
import { commands } from './commands.ts';
import { createDirectory, Directory } from './directory.ts';
import { createDirectoryModel } from './model.ts';
import { createPages, PROVIDER } from './pages.ts';

export default definePlugin({
  name: 'directory',
  kernel: 1,
  dependsOn: ['federation', 'rate-limit'],
  settings: z.object({
    DIRECTORY_LABEL: z
      .string()
      .min(1)
      .default('Example Directory')
      .describe('Its name on the button.'),
    DIRECTORY_ISSUER: z
      .string()
      .min(1)
      .default('urn:example:directory')
      .describe('Names the directory in the identities of users; never change it.'),
  }),
  commands,
  migrations: new URL('./migrations/', import.meta.url),
  views: new URL('./views/', import.meta.url),
  setup({ settings, core, db, use }) {
    const federation = use(Federation);
    const directory = createDirectory(createDirectoryModel(db));
    const { DIRECTORY_LABEL: label, DIRECTORY_ISSUER: issuer } = settings;
    const publicUrl = core.publicUrl.href.replace(/\/$/, '');
    federation.register({
      id: PROVIDER,
      label,
      issuer,
      begin: async ({ state }) => new URL(`${publicUrl}/oauth2/${PROVIDER}/sign-in?state=${state}`),
    });
    const base = core.publicUrl.pathname.replace(/\/$/, '');
    const limits = use(RateLimits);
    return {
      provides: [provide(Directory, directory)],
      pages: createPages({ directory, federation, limits, label, issuer, base }),
    };
  },
});
