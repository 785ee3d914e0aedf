import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command as Program } from 'commander';
import { createApp } from '../app.ts';
import { type Command, CommandError, type CommandInput, type CommandIo } from '../kernel/plugin.ts';
import { type Loaded, withSecretKey } from '../load-settings.ts';
import { ensureMigrated } from '../migrations.ts';
import { builtIn } from '../plugins.ts';
import { systemClock, systemRandom } from '../system.ts';
import { createCommandLog } from './command-log.ts';
import { openStorageBriefly } from './open-storage-briefly.ts';

/** Adds every command of every plugin; with settings that do not load, those of the built-in ones. */
export async function addPluginCommands(program: Program, loaded: Promise<Loaded>): Promise<void> {
  const { plugins } = await loaded.catch(() => ({ plugins: builtIn }));
  for (const { commands } of plugins) {
    for (const command of commands ?? []) addCommand(program, command, loaded);
  }
}

function addCommand(program: Program, command: Command, loaded: Promise<Loaded>): void {
  const words = command.name.split(' ');
  const last = words.pop() ?? '';
  const added = words.reduce(groupOf, program).command(last).description(command.summary);
  for (const { name, summary } of command.args ?? []) added.argument(name, summary);
  for (const { flags, summary, repeatable } of command.options ?? []) {
    if (repeatable) added.option(flags, summary, (value, all: string[] = []) => [...all, value]);
    else added.option(flags, summary);
  }
  added.action(async (...args: unknown[]) => {
    const options = args.at(-2) as Record<string, unknown>;
    const given = args.slice(0, -2).filter((arg): arg is string => typeof arg === 'string');
    await runCommand(command, given, options, await loaded);
  });
}

const groupOf = (parent: Program, name: string): Program =>
  parent.commands.find((one) => one.name() === name) ?? parent.command(name);

/** The same app as the server's, without a socket: it joins the running embedded PostgreSQL or starts it. */
async function runCommand(
  command: Command,
  args: readonly string[],
  options: Record<string, unknown>,
  loaded: Loaded,
): Promise<void> {
  const { environment, plugins } = loaded;
  const config = withSecretKey(loaded.config);
  const log = createCommandLog(config.LOG_LEVEL);
  const storage = await openStorageBriefly({ config, poolSize: 3, log });
  try {
    await ensureMigrated({ connection: storage.connection, plugins, log }, config.mayMigrate);
    const parts = { config, environment, plugins, storage, log };
    const app = await createApp({ ...parts, clock: systemClock, random: systemRandom });
    const record: CommandInput['record'] = (action, target, diff = {}) =>
      log.info({ event: `admin.${action}`, target, diff }, 'a command changed something');
    try {
      await command.run({
        ...{ args, options, record },
        io: terminal,
        random: systemRandom,
        use: app.use,
      });
    } finally {
      await app.close();
    }
  } finally {
    await storage.close();
  }
}

const terminal: CommandIo = {
  out: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
  readStdin: () => text(process.stdin),
  askSecret,
};

/** Asks without echo; undefined when no person sits at the terminal. Throws CommandError on Ctrl-C and Ctrl-D. */
async function askSecret(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  // Turns the echo off, so it comes before the question: who types at once is not seen either.
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  process.stderr.write(question);
  const answer = Promise.withResolvers<string>();
  reader.question('', answer.resolve);
  reader.once('close', () => answer.reject(new CommandError('Nothing was done.')));
  try {
    return await answer.promise;
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}
