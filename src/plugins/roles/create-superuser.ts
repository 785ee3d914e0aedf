import { randomBytes } from 'node:crypto';
import { type Command, CommandError, type CommandInput } from '../../kernel/plugin.ts';
import { type User, Users } from '../users/contract.ts';
import { Roles, SUPERUSER } from './contract.ts';

/** 144 bits: no policy will call it short or common. */
const GENERATED_BYTES = 18;

/**
 * The first way into a new installation. The password never comes from the command line, which every process can read.
 * Idempotent: a user who exists keeps the password and gets the role.
 */
export const createSuperuser: Command = {
  name: 'create-superuser',
  summary: 'make a user who may do everything, or give an existing one that role',
  args: [{ name: '<email>', summary: 'e-mail address to sign in with' }],
  options: [
    { flags: '--password-stdin', summary: 'read the password from standard input' },
    { flags: '--json', summary: 'print JSON' },
  ],
  async run(input) {
    const { args, options, io, record, use } = input;
    const email = args[0] ?? '';
    const existing = await use(Users).findByEmail(email);
    const { user, generated } = existing
      ? { user: existing, generated: undefined }
      : await register(input, email);
    if (!existing) record('user_created', user.id);
    const granted = await use(Roles).grant(user.id, SUPERUSER);
    if (granted) record('role_granted', user.id, { added: SUPERUSER });

    if (user.disabledAt)
      io.note('This user is disabled; "authsrv user enable" lets them in again.');
    if (options['json']) return io.out(JSON.stringify(toJson(user, { existing, generated })));
    io.out(
      `${user.email} is ${existing ? 'now a superuser, with the password of before' : 'created and a superuser'}.`,
    );
    if (generated !== undefined) io.out(`Password, shown this once: ${generated}`);
  },
};

async function register(input: CommandInput, email: string) {
  const typed = await readPassword(input);
  const password = typed ?? randomBytes(GENERATED_BYTES).toString('base64url');
  const user = await input.use(Users).register({ email, password });
  return { user, generated: typed === undefined ? password : undefined };
}

/** Undefined when there is nobody to ask, or who is asked leaves it to us. */
async function readPassword({ options, io }: CommandInput): Promise<string | undefined> {
  if (options['passwordStdin']) {
    const password = (await io.readStdin()).replace(/\r?\n$/, '');
    if (password === '') throw new CommandError('There was no password on standard input.');
    return password;
  }
  const password = await io.askSecret('Password (empty to have one made): ');
  if (password === undefined || password === '') return undefined;
  if ((await io.askSecret('Password again: ')) !== password) {
    throw new CommandError('The two passwords differ.');
  }
  return password;
}

const toJson = (
  { id, email }: User,
  { existing, generated }: { existing: User | undefined; generated: string | undefined },
) => ({
  id,
  email,
  created: !existing,
  ...(generated !== undefined && { password: generated }),
});
