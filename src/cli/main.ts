/** The program `authsrv`: core commands and those that plugins contribute. */
import { Command as Program } from 'commander';
import { ConfigError } from '../../config/load.ts';
import { CommandError } from '../kernel/plugin.ts';
import { ProblemError } from '../kernel/problem.ts';
import { StoreUnavailable } from '../kernel/store.ts';
import { type Loaded, loadSettings } from '../load-settings.ts';
import { PendingMigrations } from '../migrations.ts';
import {
  DataDirectoryInUse,
  PostgresFailed,
  PostgresUnavailable,
} from '../storage/embedded-postgres/failures.ts';
import { addConfigCommand } from './config-command.ts';
import { addMigrateCommands } from './migrate-command.ts';
import { addPluginCommands } from './plugin-commands.ts';
import { addStartCommand } from './start-command.ts';

/** Runs one command line; sets the exit code, prints failures as one line. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', leaveWhenUnread);
  try {
    const loaded = loadSettings();
    loaded.catch(() => undefined); // `start` says it again; help needs no settings.
    const program = await buildProgram(loaded);
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${describeFailure(error)}\n`);
  }
}

/** `authsrv … | head`: nobody reads on. */
function leaveWhenUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}

async function buildProgram(loaded: Promise<Loaded>): Promise<Program> {
  const program = new Program('authsrv')
    .description('OpenID Connect / OAuth 2 authorization server')
    .showHelpAfterError();
  addStartCommand(program);
  addMigrateCommands(program, loaded);
  addConfigCommand(program, loaded);
  await addPluginCommands(program, loaded);
  return program;
}

const EXPECTED = [
  ConfigError,
  CommandError,
  PendingMigrations,
  StoreUnavailable,
  PostgresUnavailable,
  DataDirectoryInUse,
  PostgresFailed,
];

/** One clear line for what a person can mend; the whole story for what they cannot. */
function describeFailure(error: unknown): string {
  if (error instanceof ProblemError) {
    const { problem, details } = error;
    const faults = details.errors?.map(({ pointer, detail }) => `${pointer.slice(2)}: ${detail}`);
    return [problem.title, details.detail ?? problem.detail, ...(faults ?? [])]
      .filter(Boolean)
      .join('\n  ');
  }
  if (EXPECTED.some((Type) => error instanceof Type)) return (error as Error).message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
