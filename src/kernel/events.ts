/** Domain events: what happened, told to listeners that can neither stop nor delay it. */

export interface EventType<Payload> {
  /** `noun.verb-past`, e.g. `session.ended`. */
  readonly name: string;
  /** Never set: carries the type only. */
  readonly payload?: Payload;
}

export function defineEvent<Payload>(name: string): EventType<Payload> {
  return { name };
}

export interface Listener {
  readonly event: EventType<unknown>;
  readonly handle: (payload: never) => Promise<void> | void;
}

export function on<Payload>(
  event: EventType<Payload>,
  handle: (payload: Payload) => Promise<void> | void,
): Listener {
  return { event, handle };
}

export interface Events {
  /** Tells every listener; returns at once. Emit after the change has been committed. */
  emit<Payload>(event: EventType<Payload>, payload: Payload): void;
}

export interface EventBus extends Events {
  subscribe(owner: string, listener: Listener): void;
  /** Resolves when every listener told so far has ended or was given up. */
  idle(): Promise<void>;
}

interface BusOptions {
  /** Milliseconds after which a listener is reported and no longer waited for. */
  readonly timeout: number;
  readonly onFault: (fault: { plugin: string; event: string; error: unknown }) => void;
}

/** A listener that throws or hangs is named to `onFault` and harms nobody else. */
export function createEventBus({ timeout, onFault }: BusOptions): EventBus {
  const listeners = new Map<string, { owner: string; handle: Listener['handle'] }[]>();
  const running = new Set<Promise<void>>();

  const run = async (owner: string, event: string, work: () => unknown): Promise<void> => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`timed out after ${timeout} ms`)),
      timeout,
    );
    try {
      await Promise.race([Promise.resolve().then(work), late.promise]);
    } catch (error) {
      onFault({ plugin: owner, event, error });
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    subscribe(owner, { event, handle }) {
      const known = listeners.get(event.name) ?? [];
      listeners.set(event.name, [...known, { owner, handle }]);
    },
    emit(event, payload) {
      for (const { owner, handle } of listeners.get(event.name) ?? []) {
        const told = run(owner, event.name, () => handle(payload as never)).finally(() =>
          running.delete(told),
        );
        running.add(told);
      }
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
