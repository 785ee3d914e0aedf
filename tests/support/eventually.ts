import { setTimeout as delay } from 'node:timers/promises';

/** Resolves as soon as `check` is true or returns without throwing; fails with its last failure after `timeout` ms. */
export async function eventually(
  check: () => unknown | Promise<unknown>,
  timeout = 5_000,
): Promise<void> {
  const end = performance.now() + timeout;
  for (;;) {
    try {
      if ((await check()) !== false) return;
      if (performance.now() > end) throw new Error('It did not come true in time');
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await delay(10);
  }
}
