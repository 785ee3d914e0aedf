/** The plugin of `examples/plugin-hello` is there with all that it adds. */
import type { Demo } from './start-demo.ts';
import { expectEqual, type Step } from './steps.ts';

export async function pluginStory(demo: Demo, step: Step): Promise<void> {
  await step('the plugin adds a route', async () => {
    const response = await fetch(`${demo.urls.issuer}/hello?name=Ada`);
    expectEqual(await response.json(), { greeting: 'Hello, Ada' }, 'answer');
  });
  await step('the plugin adds a command', async () => {
    expectEqual((await demo.cli(['hello', 'Ada'])).trim(), 'Hello, Ada', 'output');
  });
}
