/** The messages of the state store among nodes of one test; nothing else of it. */
import type { StateStore } from '../../../src/kernel/store.ts';
import { untouched } from '../plugin-context.ts';

export function createMessages(): StateStore {
  const listeners = new Set<(message: string) => void>();
  return untouched<StateStore>('store', {
    async publish(_channel, message) {
      for (const listener of listeners) listener(message);
    },
    async subscribe(_channel, listener) {
      listeners.add(listener);
      return async () => void listeners.delete(listener);
    },
  });
}
