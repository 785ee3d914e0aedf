/** Mailed links: verify and change addresses, reset passwords, strict registration. Owns table email_links. */
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { definePlugin, PluginError } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { BrowserSessions } from '../browser-sessions/contract.ts';
import { KnownBrowsers } from '../known-browsers/contract.ts';
import { Mails } from '../mail/contract.ts';
import { RateLimits } from '../rate-limit/contract.ts';
import { Users } from '../users/contract.ts';
import { EmailLinks } from './contract.ts';
import { createHousekeeping } from './housekeeping.ts';
import { createLetters } from './letters.ts';
import { createLinks } from './links.ts';
import { createLinkModel } from './model.ts';
import { createPages } from './pages.ts';
import { createRoutes } from './routes.ts';
import { createEmailLinkService } from './service.ts';
import { createShownWays } from './shown-ways.ts';
import { createTell } from './tell.ts';
import { createUserData } from './user-data.ts';

export const emailLinks = definePlugin({
  name: 'email-links',
  kernel: 1,
  dependsOn: ['known-browsers', 'mail', 'rate-limit', 'users', 'browser-sessions'],
  settings: z.object({}),
  setup(context) {
    const { core, oidc } = context;
    const mails = context.use(Mails);
    if (core.registration === 'strict' && !mails.enabled) {
      throw new PluginError(
        'REGISTRATION=strict sends a link to every new address: set SMTP_URL and MAIL_FROM, or REGISTRATION=open',
      );
    }
    const [users, limits] = [context.use(Users), context.use(RateLimits)];
    const { passwordMinLength, admit } = users;
    const publicUrl = core.publicUrl.href.replace(/\/$/, '');
    const base = core.publicUrl.pathname.replace(/\/$/, '');
    const model = createLinkModel(context.db);
    const ways = createShownWays();
    const service = createEmailLinkService({
      ...{ users, mails, model, limits, ways, oidc, wait, mailEnabled: mails.enabled },
      tell: createTell({ ...context, mails, limits }),
      links: createLinks({ ...context, model, mails, publicUrl }),
      letters: createLetters({ publicUrl }),
      ...{ browsers: context.use(BrowserSessions), knownBrowsers: context.use(KnownBrowsers) },
      isStrict: core.registration === 'strict',
    });
    return {
      provides: [
        provide(EmailLinks, {
          mailEnabled: mails.enabled,
          forgotPath: mails.enabled ? `${base}/auth/password/forgot` : undefined,
          showAtReset: ways.add,
          ...service.offered,
        }),
      ],
      routes: createRoutes(service, admit),
      pages: createPages({ service, oidc, base, passwordMinLength, admit }),
      ...createUserData(model),
      ...createHousekeeping({ ...context, model, users }),
    };
  },
});
