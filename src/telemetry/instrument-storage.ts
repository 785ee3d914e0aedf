/** The same stores, with a span and a measurement for each call. */
import type { Database, StateStore } from '../kernel/store.ts';
import type { Attributes, Span } from '../kernel/telemetry.ts';
import type { Metrics } from './metrics.ts';

interface Instruments {
  readonly span: Span;
  readonly metrics: Pick<Metrics, 'stored'>;
}

/** Subscriptions last; everything else is a call and its answer. */
const CALLS = [
  'get',
  'set',
  'setIfAbsent',
  'take',
  'consumeOnce',
  'expire',
  'delete',
  'takeTokens',
  'publish',
] as const satisfies readonly (keyof StateStore)[];

function createMeasure({ span, metrics }: Instruments) {
  return async <Result>(
    call: { store: string; operation: string; attributes: Attributes },
    work: () => Promise<Result>,
  ): Promise<Result> => {
    const { store, operation, attributes } = call;
    const started = performance.now();
    let ok = false;
    try {
      const result = await span(`${store} ${operation}`, attributes, work);
      ok = true;
      return result;
    } finally {
      metrics.stored({ store, operation, ok, seconds: (performance.now() - started) / 1000 });
    }
  };
}

/** Statements are known by their names; their values are never told. */
export function instrumentDatabase<Some extends Database>(
  db: Some,
  instruments: Instruments,
): Some {
  const measure = createMeasure(instruments);
  const query: Database['query'] = (statement, values, transaction) => {
    const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': statement.name };
    return measure({ store: 'postgresql', operation: statement.name, attributes }, () =>
      db.query(statement, values, transaction),
    );
  };
  return { ...db, query };
}

/** `system`: `redis` or `postgresql`. */
export function instrumentStateStore(
  store: StateStore,
  system: string,
  instruments: Instruments,
): StateStore {
  const measure = createMeasure(instruments);
  const instrumented = Object.fromEntries(
    CALLS.map((operation) => {
      const call = store[operation].bind(store) as (...args: unknown[]) => Promise<unknown>;
      const attributes = { 'db.system.name': system, 'db.operation.name': operation };
      const named = { store: 'state_store', operation, attributes };
      return [operation, (...args: unknown[]) => measure(named, () => call(...args))];
    }),
  );
  return { ...store, ...instrumented };
}
