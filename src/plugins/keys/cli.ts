import type { Command } from '../../kernel/plugin.ts';
import { type KeyService, type KeyStatus, Keys } from './contract.ts';

interface Line {
  readonly kid: string;
  readonly alg: string;
  readonly created_at: string;
  readonly status: KeyStatus;
}

/** Public facts only: a private member never reaches the terminal. */
async function describe(keys: KeyService): Promise<Line[]> {
  return (await keys.list()).map(({ kid, alg, createdAt, status }) => ({
    kid,
    alg,
    created_at: createdAt.toISOString(),
    status,
  }));
}

async function print(
  keys: KeyService,
  { options, io }: Pick<Parameters<Command['run']>[0], 'options' | 'io'>,
): Promise<void> {
  const lines = await describe(keys);
  if (options['json'] === true) return io.out(JSON.stringify(lines, null, 2));
  if (lines.length === 0) io.note('There are no keys yet: the first start makes them.');
  for (const { kid, alg, created_at, status } of lines) {
    io.out([kid, alg, created_at, status].join('  '));
  }
}

const json = { flags: '--json', summary: 'print JSON' };

export const keyCommands: readonly Command[] = [
  {
    name: 'keys list',
    summary: 'list the signing keys',
    options: [json],
    run: ({ options, io, use }) => print(use(Keys), { options, io }),
  },
  {
    name: 'keys rotate',
    summary: 'publish new signing keys; they sign once every verifier can know them',
    options: [
      json,
      {
        flags: '--compromised',
        summary:
          'sign with them at once and withdraw all others: every token issued so far is refused',
      },
    ],
    async run({ options, io, use }) {
      const keys = use(Keys);
      if (options['compromised'] === true) await keys.replaceCompromised();
      else await keys.rotate();
      await print(keys, { options, io });
    },
  },
];
