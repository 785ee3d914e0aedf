import { type Command, CommandError } from '../../kernel/plugin.ts';
import { type MailInfo, type MailState, Mails } from './contract.ts';

const STATES: readonly string[] = [
  'queued',
  'sending',
  'sent',
  'captured',
  'failed',
  'uncertain',
] satisfies readonly MailState[];

const toLine = (mail: MailInfo) => ({
  id: mail.id,
  state: mail.state,
  to: mail.to,
  template: mail.template,
  attempts: mail.attempts,
  created_at: mail.createdAt.toISOString(),
  next_attempt_at: mail.state === 'queued' ? mail.nextAttemptAt.toISOString() : null,
  last_error: mail.lastError,
});

function stateOf(option: unknown): MailState | undefined {
  if (option === undefined) return undefined;
  if (STATES.includes(String(option))) return option as MailState;
  throw new CommandError(`--state is one of: ${STATES.join(', ')}`);
}

export const mailCommands: readonly Command[] = [
  {
    name: 'mail list',
    summary: 'list the mails that are not through: queued, sending, failed, uncertain',
    options: [
      { flags: '--state <state>', summary: `only these: ${STATES.join(', ')}` },
      { flags: '--json', summary: 'print JSON' },
    ],
    async run({ options, io, use }) {
      const state = stateOf(options['state']);
      const mails = await use(Mails).list({ ...(state ? { state } : {}), limit: 1000 });
      const lines = mails.map(toLine);
      if (options['json'] === true) return io.out(JSON.stringify(lines, null, 2));
      if (lines.length === 0) io.note('There are none.');
      for (const { id, state: is, to, template, attempts, last_error } of lines) {
        io.out([id, is, to, template, `${attempts}×`, last_error ?? ''].join('  ').trimEnd());
      }
    },
  },
  {
    name: 'mail retry',
    summary: 'send a failed or uncertain mail once more',
    args: [{ name: '<id>', summary: 'as "mail list" shows it' }],
    async run({ args: [id = ''], record, use }) {
      await use(Mails).retry(id);
      record('mail_retried', id);
    },
  },
];
