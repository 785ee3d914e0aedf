import type { StateStore } from '../kernel/store.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';

/** The same store; its calls, but for subscriptions, which recover by themselves, are made through the breaker. */
export function storeBehindBreaker(store: StateStore, { run, ask }: CircuitBreaker): StateStore {
  return {
    get: (key) => run(() => store.get(key)),
    set: (key, value, ttl) => run(() => store.set(key, value, ttl)),
    setIfAbsent: (key, value, ttl) => run(() => store.setIfAbsent(key, value, ttl)),
    take: (key) => run(() => store.take(key)),
    consumeOnce: (key) => run(() => store.consumeOnce(key)),
    expire: (key, ttl) => run(() => store.expire(key, ttl)),
    delete: (key) => run(() => store.delete(key)),
    takeTokens: (bucket) => run(() => store.takeTokens(bucket)),
    publish: (channel, message) => run(() => store.publish(channel, message)),
    subscribe: (channel, listener) => store.subscribe(channel, listener),
    ping: () => ask(() => store.ping()),
    close: () => store.close(),
  };
}
