/** What a server writes to its state store: each record with its size and lifetime. */
import type { StateStore } from '../../src/kernel/store.ts';
import type { Storage } from '../../src/storage/open-storage.ts';

export interface Write {
  readonly key: string;
  readonly value: string;
  readonly bytes: number;
  /** Seconds. */
  readonly ttl: number;
}

export function recordWrites() {
  const writes: Write[] = [];
  const note = (key: string, value: string, ttl: number): void => {
    writes.push({ key, value, bytes: Buffer.byteLength(value), ttl });
  };
  return {
    writes,
    /** Those of the work alone. */
    async during(work: () => Promise<unknown>): Promise<readonly Write[]> {
      const from = writes.length;
      await work();
      return writes.slice(from);
    },
    wrap: (storage: Storage): Storage => {
      const store: StateStore = {
        ...storage.store,
        set: (key: string, value: string, ttl: number) => {
          note(key, value, ttl);
          return storage.store.set(key, value, ttl);
        },
        setIfAbsent: (key: string, value: string, ttl: number) => {
          note(key, value, ttl);
          return storage.store.setIfAbsent(key, value, ttl);
        },
        expire: (key: string, ttl: number) => {
          note(key, '', ttl);
          return storage.store.expire(key, ttl);
        },
      };
      return { ...storage, store };
    },
  };
}
