import type { Help, HelpConfiguration, Command as Program } from 'commander';

const leavesOf = (command: Program): readonly Program[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);

/** The words after the program's name: `role create`. */
const wordsOf = (command: Program): string =>
  command.parent?.parent ? `${wordsOf(command.parent)} ${command.name()}` : command.name();

/** Help that lists every command in full instead of groups of them. */
export const helpOfLeaves: HelpConfiguration = {
  visibleCommands: (command: Program): Program[] => command.commands.flatMap(leavesOf),
  subcommandTerm(this: Help, command: Program): string {
    const args = command.registeredArguments.map((arg) => this.argumentTerm(arg));
    const named = command.registeredArguments.map(({ required }, i) =>
      required ? `<${args[i]}>` : `[${args[i]}]`,
    );
    return [wordsOf(command), ...named].join(' ');
  },
};
