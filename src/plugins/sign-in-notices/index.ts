/** Tells people by mail of a sign-in on a device they were never seen on. Owns no table. */
import { z } from 'zod';
import { on } from '../../kernel/events.ts';
import { definePlugin } from '../../kernel/plugin.ts';
import { Mails } from '../mail/contract.ts';
import { SessionStarted, Sessions } from '../sessions/contract.ts';
import { Users } from '../users/contract.ts';
import { createNotices } from './service.ts';

export const signInNotices = definePlugin({
  name: 'sign-in-notices',
  kernel: 1,
  dependsOn: ['mail', 'sessions', 'users'],
  settings: z.object({
    SIGN_IN_NOTICES: z
      .enum(['on', 'off'])
      .default('on')
      .describe('Mail to a verified address after a sign-in on a device that is new to the user.'),
  }),
  enabled: ({ SIGN_IN_NOTICES }) => SIGN_IN_NOTICES === 'on',
  setup(context) {
    const mails = context.use(Mails);
    const sessions = context.use(Sessions);
    const users = context.use(Users);
    const publicUrl = context.core.publicUrl.href.replace(/\/$/, '');
    const notices = createNotices({ db: context.db, mails, sessions, users, publicUrl });
    return { listeners: mails.enabled ? [on(SessionStarted, notices.signedIn)] : [] };
  },
});
