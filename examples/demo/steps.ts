/** Runs steps in order and prints a line for each. */

export type Step = (text: string, run: () => Promise<void>) => Promise<void>;

export interface Report {
  readonly passed: number;
  readonly failed: number;
}

/** Thrown to leave a story whose step failed: what follows has nothing to stand on. */
class StoryOver extends Error {
  override readonly name = 'StoryOver';
}

/** Runs each story up to its first failure. `print` gets one line a step. */
export async function runStories(
  stories: readonly ((step: Step) => Promise<void>)[],
  print: (line: string) => void,
): Promise<Report> {
  let passed = 0;
  let failed = 0;
  const step: Step = async (text, run) => {
    try {
      await run();
    } catch (error) {
      failed += 1;
      print(`✘ ${text}: ${error instanceof Error ? error.message : String(error)}`);
      throw new StoryOver();
    }
    passed += 1;
    print(`✔ ${text}`);
  };
  for (const story of stories) {
    try {
      await story(step);
    } catch (error) {
      if (!(error instanceof StoryOver)) throw error;
    }
  }
  return { passed, failed };
}

/** Throws an Error that shows both values unless they are the same text. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [is, wanted] = [actual, expected].map((value) => JSON.stringify(value));
  if (is !== wanted) throw new Error(`${what}: expected ${wanted}, got ${is}`);
}

/** Throws an Error that shows the text unless it contains the part. */
export function expectText(text: string, part: string): void {
  if (!text.includes(part)) throw new Error(`expected "${part}" in "${text.slice(0, 300)}"`);
}
