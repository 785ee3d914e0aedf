import type { Command } from '../../kernel/plugin.ts';
import { type KeyInfo, type KeyService, Keys } from './contract.ts';

interface Line {
  readonly kid: string;
  readonly alg: string;
  readonly created_at: string;
  /** `current` signs; `published` only verifies. */
  readonly status: 'current' | 'published';
}

/** Public facts only: a private member never reaches the terminal. */
async function describe(keys: KeyService): Promise<Line[]> {
  const current = await keys.current();
  const signs = ({ kid, alg }: KeyInfo) => current.find((key) => key.alg === alg)?.kid === kid;
  return (await keys.list()).map((key) => ({
    kid: key.kid,
    alg: key.alg,
    created_at: key.createdAt.toISOString(),
    status: signs(key) ? 'current' : 'published',
  }));
}

export const keyCommands: readonly Command[] = [
  {
    name: 'keys list',
    summary: 'list the signing keys',
    options: [{ flags: '--json', summary: 'print JSON' }],
    async run({ options, io, use }) {
      const lines = await describe(use(Keys));
      if (options['json'] === true) return io.out(JSON.stringify(lines, null, 2));
      if (lines.length === 0) io.note('There are no keys yet: the first start makes them.');
      for (const { kid, alg, created_at, status } of lines) {
        io.out([kid, alg, created_at, status].join('  '));
      }
    },
  },
];
