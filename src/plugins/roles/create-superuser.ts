import { type Command, CommandError, type CommandInput } from '../../kernel/plugin.ts';
import { EmailLinks } from '../email-links/contract.ts';
import type { Alongside } from '../sessions/contract.ts';
import {
  notVerified,
  parseEmailAddress,
  shownUser,
  UNVERIFIED_OPTION,
  type User,
  type UserService,
  Users,
  userProblems,
} from '../users/contract.ts';
import { Roles, SUPERUSER } from './contract.ts';

/** 144 bits: no policy will call it short or common. */
const GENERATED_BYTES = 18;

/** The user as they are now, and what became of the password. */
interface Made {
  readonly user: User;
  readonly isNew: boolean;
  /** `generated`: made here, and shown once. */
  readonly password: 'set' | 'kept' | 'none' | { readonly generated: string };
}

/**
 * The first way into a new installation. The password never comes from the command line, which every process can read.
 * Somebody may have registered the address first: such a user is refused unless named by id or with `--unverified`, and a
 * password that is given replaces theirs, and what was signed in ends.
 */
export const createSuperuser: Command = {
  name: 'create-superuser',
  summary:
    'make a user who may do everything, or give an existing one that role; a password that is given replaces theirs and signs them out everywhere',
  args: [
    { name: '<user>', summary: 'e-mail address to sign in with, or the id of an existing user' },
  ],
  options: [
    { flags: '--password-stdin', summary: 'read the password from standard input' },
    UNVERIFIED_OPTION,
    { flags: '--json', summary: 'print JSON' },
  ],
  async run(input) {
    const { options, io, record, use } = input;
    const existing = await findUser(input);
    // Before anything of theirs is changed.
    if (existing) await use(Roles).checkRoom(existing.id, SUPERUSER);
    const made = existing ? await takeOver(input, existing) : await create(input);
    const { user } = made;
    const granted = await use(Roles).grant(user.id, SUPERUSER);
    if (granted) record('role_granted', user.id, { added: SUPERUSER });

    await tellWaysIn(input, user);
    if (user.disabledAt)
      io.note('This user is disabled; "authsrv user enable" lets them in again.');
    if (options['json']) return io.out(JSON.stringify(toJson(made)));
    io.out(sentence(made));
    if (typeof made.password === 'object') {
      io.out(`Password, shown this once: ${made.password.generated}`);
    }
  },
};

/** A password leaves them as they are: whose they are the operator sees. */
async function tellWaysIn({ io, use }: CommandInput, { id, email }: User): Promise<void> {
  for (const { label, detail, since } of await use(EmailLinks).waysIn(id)) {
    const account = `${label}${detail === null ? '' : ` (${detail})`}`;
    io.note(
      `${account}, connected on ${since.toISOString().slice(0, 10)}, signs in to ${email} as well. If that is not theirs, have them reset the password by mail: it is disconnected there.`,
    );
  }
}

/** Undefined when there is nobody yet. Throws CommandError for whom somebody else may have registered. */
async function findUser(input: CommandInput): Promise<User | undefined> {
  const { options, use } = input;
  const [name = ''] = input.args;
  if (!name.includes('@') && !parseEmailAddress(name)) return shownUser(use(Users), input);
  const user = await use(Users).findByEmail(name);
  if (!user || user.emailVerified || options['unverified']) return user;
  // Who has the role already gets nothing by being named: before 2.1 nobody vouched for the addresses of superusers.
  if (await use(Roles).has(user.id, SUPERUSER)) return user;
  throw notVerified(user);
}

/** A password that is given counts, and nothing that was signed in before; without one all stays as it is. */
async function takeOver(input: CommandInput, user: User): Promise<Made> {
  const users = input.use(Users);
  const hasPassword = await users.hasPassword(user.id);
  const question = `Password (empty: ${hasPassword ? 'they keep theirs' : 'they get none'}): `;
  const typed = await readPassword(input, question);
  if (typed === undefined) return { user, isNew: false, password: hasPassword ? 'kept' : 'none' };
  // Of an address that nobody had verified, all that whoever registered it connected or allowed goes as well.
  const by = user.emailVerified ? 'password-reset' : 'address-claimed';
  await users.setPassword(user.id, typed, { by, alongside: vouchFor(users, user) });
  input.record('password_set', user.id);
  return { user: (await users.find(user.id)) ?? user, isNew: false, password: 'set' };
}

/** Who gives a password vouches for the address; it must still be this user's. */
const vouchFor =
  (users: UserService, { id, emailCanonical, disabledAt }: User): Alongside =>
  async (transaction) => {
    const isTheirs = await users.verifyEmail(id, emailCanonical, transaction);
    if (!isTheirs && !disabledAt) throw userProblems.changedMeanwhile();
  };

/** Verified from the start: the operator typed the address, and a password that nobody else knows. */
async function create(input: CommandInput): Promise<Made> {
  const { args, random, record, use } = input;
  const typed = await readPassword(input, 'Password (empty to have one made): ');
  const password = typed ?? random.token(GENERATED_BYTES);
  const prepared = await use(Users).prepare({ email: args[0] ?? '', password });
  const user = await use(Users).create(prepared, { emailVerified: true });
  if (!user) {
    throw new CommandError(
      `${prepared.email} was registered meanwhile by somebody: look at the account with "authsrv user show", then run this again.`,
    );
  }
  record('user_created', user.id);
  return { user, isNew: true, password: typed === undefined ? { generated: password } : 'set' };
}

/** Undefined when there is nobody to ask, or who is asked leaves it empty. */
async function readPassword(
  { options, io }: CommandInput,
  question: string,
): Promise<string | undefined> {
  if (options['passwordStdin']) {
    const password = (await io.readStdin()).replace(/\r?\n$/, '');
    if (password === '') throw new CommandError('There was no password on standard input.');
    return password;
  }
  const password = await io.askSecret(question);
  if (password === undefined || password === '') return undefined;
  if ((await io.askSecret('Password again: ')) !== password) {
    throw new CommandError('The two passwords differ.');
  }
  return password;
}

function sentence({ user: { email, emailVerified }, isNew, password }: Made): string {
  if (isNew) return `${email} is created and a superuser.`;
  const who = `${email}${emailVerified ? '' : ' (unverified)'} is a superuser`;
  if (password === 'set') return `${who}, has the given password and is signed out everywhere.`;
  if (password === 'none') return `${who} and has no password: give one with --password-stdin.`;
  return `${who}; the password is unchanged.`;
}

/** `password_set`: whether a password was set just now; `password`: one that was made, shown this once. */
const toJson = ({ user: { id, email, emailVerified }, isNew, password }: Made) => ({
  id,
  email,
  email_verified: emailVerified,
  created: isNew,
  password_set: password !== 'kept' && password !== 'none',
  ...(typeof password === 'object' && { password: password.generated }),
});
