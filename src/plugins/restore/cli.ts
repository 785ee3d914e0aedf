import { type Command, CommandError, type CommandInput } from '../../kernel/plugin.ts';
import { Restore } from './contract.ts';

const WORD = 'seal';

const DONE = `Sealed: no token, session, grant, consent or mailed link of before is good any more, and mails that waited are
given up. Start the nodes; everybody signs in again.

What people changed after the backup is lost, also what they took away. Look for it in the logs since then, and do it again:
  user.deleted, admin.user_deleted     authsrv user delete <user>
  admin.user_disabled                  authsrv user disable <user>
  admin.role_revoked                   authsrv role revoke <user> <role>
  client.deleted                       authsrv client delete <client_id>
  client.secret_rotated                authsrv client rotate-secret <client_id>
  password.changed, email.changed      tell those users: the former password and address are back`;

export const restoreCommands: readonly Command[] = [
  {
    name: 'restore seal',
    summary: 'after a backup was restored: end all that it revived; everybody signs in again',
    options: [{ flags: '--yes', summary: 'do not ask' }],
    async run(input) {
      await confirm(input);
      await input.use(Restore).seal();
      input.io.out(DONE);
    },
  },
];

async function confirm({ options, io }: CommandInput): Promise<void> {
  if (options['yes']) return;
  const typed = await io.askSecret(`Everybody will have to sign in again. Type ${WORD}: `);
  if (typed === undefined) throw new CommandError('Not a terminal: pass --yes to confirm.');
  if (typed.trim() !== WORD) throw new CommandError('Nothing was done.');
}
