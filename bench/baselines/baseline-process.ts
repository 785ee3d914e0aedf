/** A baseline runs in a process of its own, as the server does, so that its CPU time can be read. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export interface BaselineProcess {
  readonly pid: number;
  /** Asks and waits for the answer to it; one question at a time. */
  ask<Answer>(question: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** `name` is a file of this folder. Resolves when it has said that it is ready. */
export async function startBaseline(name: string, args: object): Promise<BaselineProcess> {
  const child = fork(path.join(import.meta.dirname, name), [JSON.stringify(args)], {
    env: { PATH: '/usr/bin:/bin', NODE_ENV: 'production' },
  });
  await answerOf(child, name);
  return {
    pid: child.pid ?? 0,
    async ask<Answer>(question: object) {
      child.send(question);
      return (await answerOf(child, name)) as Answer;
    },
    async stop() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

async function answerOf(child: ChildProcess, name: string): Promise<unknown> {
  const ended = new AbortController();
  const { signal } = ended;
  const died = once(child, 'exit', { signal }).then(() => {
    throw new Error(`${name} has ended`);
  });
  try {
    const [message] = await Promise.race([once(child, 'message', { signal }), died]);
    return message as unknown;
  } finally {
    ended.abort();
    died.catch(() => undefined);
  }
}

/** In the baseline: what it was started with. It ends with whoever started it. */
export function baselineArguments<Arguments>(): Arguments {
  process.once('disconnect', () => process.exit(0));
  return JSON.parse(process.argv[2] ?? '{}') as Arguments;
}

export const reportReady = (): void => void process.send?.('ready');

/** In the baseline: answers each question in turn. */
export function answerQuestions<Question>(answer: (question: Question) => Promise<object>): void {
  process.on('message', (question) => {
    void answer(question as Question).then((reply) => process.send?.(reply));
  });
}
