/** The program `authsrv`: core commands and those that plugins contribute. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command as Program } from 'commander';
import { type Loaded, loadSettings } from '../load-settings.ts';
import { packageRoot } from '../package-root.ts';
import { addConfigCommand } from './config-command.ts';
import { describeFailure } from './describe-failure.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { helpOfLeaves } from './help-of-leaves.ts';
import { addMigrateCommands } from './migrate-command.ts';
import { addPluginCommands } from './plugin-commands.ts';
import { addStartCommand } from './start-command.ts';

/** Runs one command line; sets the exit code, prints failures as one line on standard error. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', leaveWhenUnread);
  try {
    const loaded = loadSettings();
    loaded.catch(() => undefined); // Commands that need settings say it again; help needs none.
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
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help for a command')
    .helpCommand(false)
    .configureHelp(helpOfLeaves)
    .showHelpAfterError('(--help lists what there is)')
    .addHelpText(
      'after',
      '\nSettings come from the environment and from .env: "authsrv config" lists them.',
    );
  addStartCommand(program, loaded);
  addMigrateCommands(program, loaded);
  addConfigCommand(program, loaded);
  addDoctorCommand(program, loaded);
  await addPluginCommands(program, loaded);
  return program;
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
