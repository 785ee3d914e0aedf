/** Runs a command as `authsrv` would, with a terminal played by hand. */
import type { Command } from '../../../src/kernel/plugin.ts';
import type { ServiceToken } from '../../../src/kernel/service.ts';
import { testRandom } from '../plugin-context.ts';

export interface Terminal {
  /** Answers to questions, in order; undefined when there is no terminal. */
  readonly answers?: readonly string[];
  readonly stdin?: string;
}

export interface CommandRun {
  readonly out: string;
  readonly notes: string;
  readonly questions: readonly string[];
  /** Changes that it recorded. */
  readonly changes: readonly { action: string; target: string; diff: object }[];
}

/** `services`: by the name of their token. */
export function createCommandRunner(
  commands: readonly Command[],
  services: Readonly<Record<string, unknown>>,
) {
  return async (
    name: string,
    args: readonly string[],
    options: Readonly<Record<string, unknown>> = {},
    { answers, stdin = '' }: Terminal = {},
  ): Promise<CommandRun> => {
    const command = commands.find((other) => other.name === name);
    if (!command) throw new Error(`There is no command "${name}"`);
    const out: string[] = [];
    const notes: string[] = [];
    const questions: string[] = [];
    const changes: { action: string; target: string; diff: object }[] = [];
    await command.run({
      args,
      options,
      io: {
        out: (line) => void out.push(line),
        note: (line) => void notes.push(line),
        askSecret: async (question) => {
          questions.push(question);
          return answers?.[questions.length - 1];
        },
        readStdin: async () => stdin,
      },
      random: testRandom,
      record: (action, target, diff = {}) => void changes.push({ action, target, diff }),
      use: <Service>({ name: service }: ServiceToken<Service>) => services[service] as Service,
    });
    return { out: out.join('\n'), notes: notes.join('\n'), questions, changes };
  };
}
