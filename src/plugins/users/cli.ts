import { type Command, CommandError, type CommandInput } from '../../kernel/plugin.ts';
import { type User, Users } from './contract.ts';
import { namedUser, shownUser, UNVERIFIED_OPTION, USER_ARGUMENT } from './named-user.ts';

const JSON_OPTION = { flags: '--json', summary: 'print JSON' };
const DEFAULT_LIMIT = 50;

export const commands: readonly Command[] = [
  {
    name: 'user list',
    summary: 'list users by e-mail address',
    args: [{ name: '[text]', summary: 'only those whose address or name contains it' }],
    options: [
      { flags: '--query <text>', summary: 'the same as [text]' },
      { flags: '--limit <count>', summary: `at most so many (default: ${DEFAULT_LIMIT})` },
      JSON_OPTION,
    ],
    async run({ args: [text], options, io, use }) {
      const query = text ?? (options['query'] as string | undefined);
      const limit = parseLimit(options['limit']);
      const users = await use(Users).list({ query, limit });
      if (options['json']) return io.out(JSON.stringify(users.map(toJson), undefined, 2));
      for (const user of users) io.out(lineOf(user));
      if (users.length === limit) io.note(`The first ${limit}: ask for more with --limit.`);
    },
  },
  {
    name: 'user show',
    summary: 'show a user',
    args: [{ name: '<user>', summary: 'id or e-mail address' }],
    options: [JSON_OPTION],
    run: async (input) => print(input, await shownUser(input.use(Users), input)),
  },
  {
    name: 'user disable',
    summary: 'end all sessions of a user, who cannot sign in until enabled again',
    args: [USER_ARGUMENT],
    options: [UNVERIFIED_OPTION, JSON_OPTION],
    run: async (input) => setDisabled(input, true),
  },
  {
    name: 'user enable',
    summary: 'let a disabled user sign in again',
    args: [USER_ARGUMENT],
    options: [UNVERIFIED_OPTION, JSON_OPTION],
    run: async (input) => setDisabled(input, false),
  },
  {
    name: 'user delete',
    summary:
      'delete a user and everything that is kept about them, for good; one that was cut off is finished by the next',
    args: [USER_ARGUMENT],
    options: [UNVERIFIED_OPTION, { flags: '--yes', summary: 'do not ask' }],
    async run(input) {
      const user = await namedUser(input.use(Users), input);
      await confirm(input, user);
      await input.use(Users).delete(user.id);
      const from = { disabled: user.disabledAt !== null };
      input.record('user_deleted', user.id, { from, to: null });
      input.io.out(`Deleted ${user.email} (${user.id}).`);
    },
  },
];

/** Whoever types the address again means it. Throws CommandError. */
async function confirm({ options, io }: CommandInput, { email }: User): Promise<void> {
  if (options['yes']) return;
  const typed = await io.askSecret(`Type the address to delete ${email} for good: `);
  if (typed === undefined) throw new CommandError('Not a terminal: pass --yes to confirm.');
  if (typed.trim() !== email)
    throw new CommandError('That is another address: nothing is deleted.');
}

async function setDisabled(input: CommandInput, disabled: boolean): Promise<void> {
  const users = input.use(Users);
  const { id, disabledAt } = await namedUser(users, input);
  const user = await (disabled ? users.disable(id) : users.enable(id));
  const from = disabledAt !== null;
  if (from !== disabled) {
    const action = disabled ? 'user_disabled' : 'user_enabled';
    input.record(action, id, { disabled: { from, to: disabled } });
  }
  print(input, user);
}

const lineOf = ({ id, email, emailVerified, disabledAt, deletingAt }: User): string => {
  const state = deletingAt ? 'being deleted' : disabledAt && 'disabled';
  return [id, email, !emailVerified && 'unverified', state].filter(Boolean).join('  ');
};

function print({ options, io }: CommandInput, user: User): void {
  const shown = toJson(user);
  const lines = options['json']
    ? [JSON.stringify(shown, undefined, 2)]
    : Object.entries(shown).map(([name, value]) => `${name}: ${value ?? '-'}`);
  for (const line of lines) io.out(line);
}

const toJson = (user: User) => ({
  id: user.id,
  email: user.email,
  email_verified: user.emailVerified,
  name: user.name,
  locale: user.locale,
  disabled_at: user.disabledAt?.toISOString() ?? null,
  deleting_at: user.deletingAt?.toISOString() ?? null,
  created_at: user.createdAt.toISOString(),
});

function parseLimit(option: unknown): number {
  if (option === undefined) return DEFAULT_LIMIT;
  const limit = Number(option);
  if (!Number.isInteger(limit) || limit < 1) {
    throw new CommandError('--limit needs a whole number of at least 1.');
  }
  return limit;
}
