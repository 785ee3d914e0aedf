import { parseArgs } from 'node:util';

export interface Options {
  /** Names of rows or groups of rows; empty: all that are not heavy. */
  readonly only: readonly string[];
  readonly rounds: number;
  /** Measured seconds of one side in one round. */
  readonly seconds: number;
  /** Requests under way at once. */
  readonly connections: number;
  /** Users in the large table of the row `roles`. */
  readonly users: number;
  /** Folder for CPU profiles of our server. */
  readonly profile: string | undefined;
}

export const USAGE = `npm run bench -- [ROW …] [--only refresh,login] [--rounds 3] [--seconds 2] [--connections 32] [--users 200000] [--profile FOLDER]`;

/** A whole number between two bounds: a benchmark always ends. Throws Error. */
function whole(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new Error(`--${name} is a whole number from ${least} to ${most}\n${USAGE}`);
}

/** Throws Error with the usage. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string', default: '' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '2' },
      connections: { type: 'string', default: '32' },
      users: { type: 'string', default: '200000' },
      profile: { type: 'string' },
    },
  });
  return {
    only: [...values.only.split(','), ...positionals].filter(Boolean),
    rounds: whole('rounds', values.rounds, 1, 20),
    seconds: whole('seconds', values.seconds, 1, 60),
    connections: whole('connections', values.connections, 1, 256),
    users: whole('users', values.users, 1_000, 5_000_000),
    profile: values.profile,
  };
}
