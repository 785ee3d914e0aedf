/** Whom a command names. Anybody may have registered an address: it names a user once its owner has proven to read its mail. */
import { CommandError, type CommandInput } from '../../kernel/plugin.ts';

interface Named {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
}

interface Finding<Found extends Named> {
  find(id: string): Promise<Found | undefined>;
  findByEmail(email: string): Promise<Found | undefined>;
}

/** The argument and the option of every command that changes something of a user. */
export const USER_ARGUMENT = { name: '<user>', summary: 'id, or verified e-mail address' };
export const UNVERIFIED_OPTION = {
  flags: '--unverified',
  summary: 'take the user of an address that nobody has verified: anybody may have registered it',
};

const isAddress = (name: string): boolean => name.normalize('NFKC').includes('@');

/** For commands that change nothing: by address too, verified or not. Throws CommandError. */
export async function shownUser<Found extends Named>(
  users: Finding<Found>,
  { args: [name = ''] }: Pick<CommandInput, 'args'>,
): Promise<Found> {
  const user = await (isAddress(name) ? users.findByEmail(name) : users.find(name));
  if (!user) throw new CommandError(`There is no user "${name}".`);
  return user;
}

/** For commands that change something. Throws CommandError, for an unverified address unless with `--unverified`. */
export async function namedUser<Found extends Named>(
  users: Finding<Found>,
  input: Pick<CommandInput, 'args' | 'options'>,
): Promise<Found> {
  const user = await shownUser(users, input);
  const isSure = user.emailVerified || !isAddress(input.args[0] ?? '');
  if (!isSure && !input.options['unverified']) throw notVerified(user);
  return user;
}

/** Says what to do instead, with the id. */
export const notVerified = ({ id, email }: Named): CommandError =>
  new CommandError(
    `The address ${email} is not verified: somebody else may have registered it. If you mean this account, name it by its id, ${id}, or say --unverified.`,
  );
