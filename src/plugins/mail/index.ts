/** Mails to people: an outbox in PostgreSQL, delivered by SMTP or kept to be read on this machine. Owns table mails. */
import { isIP } from 'node:net';
import { definePlugin } from '../../kernel/plugin.ts';
import { provide } from '../../kernel/service.ts';
import { mailCommands } from './cli.ts';
import { createComposer } from './compose.ts';
import { Mails } from './contract.ts';
import { diagnoseMail } from './diagnose.ts';
import { createMailModel, sweepMails } from './model.ts';
import { createMailPages } from './pages.ts';
import { createMailService } from './service.ts';
import { settings } from './settings.ts';
import { createSmtpCheck, createSmtpDelivery } from './smtp.ts';
import { createWorker, idleWorker } from './worker.ts';

/** How it greets: by the name of PUBLIC_URL, unless the setting has one. Some servers want a name, and containers have none. */
function withName(url: string, hostname: string): string {
  const named = new URL(url);
  const isName = hostname.includes('.') && isIP(hostname) === 0;
  if (isName && !named.searchParams.has('name')) named.searchParams.set('name', hostname);
  return named.href;
}

/** Seconds: how late a mail is that no node was told of. */
const TURN = 5;

export const mail = definePlugin({
  name: 'mail',
  kernel: 1,
  settings,
  commands: mailCommands,
  setup({ settings: { SMTP_URL, MAIL_FROM }, core, db, random, log, render }) {
    const { host: product, hostname, href, pathname, protocol } = core.publicUrl;
    const mails = createMailModel(db);
    const from = MAIL_FROM ?? `no-reply@${hostname}`;
    const compose = createComposer({ render, product });
    const server = SMTP_URL && withName(SMTP_URL, hostname);
    const worker = server
      ? createWorker({ mails, deliver: createSmtpDelivery(server), compose, from, random, log })
      : idleWorker;
    const mode = SMTP_URL ? 'smtp' : protocol === 'http:' ? 'capture' : 'off';
    const publicUrl = href.replace(/\/$/, '');
    const { wake } = worker;
    const service = createMailService({ mails, random, log, mode, wake, publicUrl, product });
    const base = pathname.replace(/\/$/, '');
    return {
      provides: [provide(Mails, service)],
      diagnoses: diagnoseMail({
        ...{ mode, mails, from },
        check: server ? createSmtpCheck(server) : undefined,
      }),
      exportUser: { mails: mails.exportUser },
      eraseUserInBatches: mails.eraseUser,
      // Most have left meanwhile, and their links do nothing any more.
      afterRestore: () => mails.abandon(),
      pages: mode === 'capture' ? createMailPages({ mails, product, base }) : [],
      tasks: [
        // Not waited for: a stop waits for tasks, and must not wait for an SMTP server.
        { name: 'mail', every: TURN, run: async () => worker.wake() },
        { name: 'old mails', every: 3600, run: () => sweepMails(mails) },
      ],
      async start() {
        const fields = { event: 'mail.off' };
        if (mode === 'off') log.warn(fields, 'no mail is sent: SMTP_URL is not set');
      },
      stop: () => worker.stop(),
    };
  },
});
