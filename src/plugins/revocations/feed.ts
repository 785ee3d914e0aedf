/** Keeps this node's denylist equal to PostgreSQL's: messages for speed, reading for certainty. */
import type { Log } from '../../kernel/plugin.ts';
import type { StateStore } from '../../kernel/store.ts';
import type { Entry, LocalDenylist } from './denylist.ts';
import type { Every } from './every.ts';
import { CHANNEL, decodeEntries, encodeEntries } from './messages.ts';
import type { RevocationModel } from './model.ts';

/** Milliseconds between two reads of PostgreSQL. */
const INTERVAL = 5_000;
/** Milliseconds an entry outlives the last token that it can concern: clock skew of its verifiers. */
const SKEW = 60_000;
/** Milliseconds that each read goes back behind the last one: rows become visible out of order. */
const OVERLAP = 60_000;

interface Dependencies {
  readonly revocations: RevocationModel;
  readonly denylist: LocalDenylist;
  readonly store: Pick<StateStore, 'publish' | 'subscribe'>;
  readonly log: Log;
  /** Seconds an access token is valid. */
  readonly lifetime: number;
  readonly every: Every;
}

export interface Feed {
  /** Resolves when the denylist is complete. Throws when PostgreSQL cannot be read. */
  start(): Promise<void>;
  /** Never throws: whoever misses the message reads PostgreSQL within 5 s. */
  publish(entries: readonly Entry[]): Promise<void>;
  stop(): Promise<void>;
}

export function createFeed(dependencies: Dependencies): Feed {
  const { revocations, denylist, store, log, every } = dependencies;
  const keep = dependencies.lifetime * 1000 + SKEW;
  let lastRead = Number.NEGATIVE_INFINITY;
  let unsubscribe: (() => Promise<void>) | undefined;
  let cancel: (() => void) | undefined;
  let running: Promise<void> | undefined;

  const receive = (message: string): void => {
    try {
      denylist.add(decodeEntries(message));
    } catch (error) {
      log.warn({ event: 'revocations.message_refused', err: error }, 'not a revocation message');
    }
  };

  const subscribe = async (): Promise<void> => {
    unsubscribe ??= await store.subscribe(CHANNEL, receive);
  };

  const reconcile = async (): Promise<void> => {
    // Asked before the read, so that what is committed meanwhile is read again next time.
    const now = await revocations.now();
    const since = Math.max(Math.min(lastRead, now) - OVERLAP, now - keep);
    denylist.add(await revocations.since(since));
    lastRead = now;
    denylist.prune(now - keep);
    await revocations.sweep(now - keep);
  };

  const tryReconcile = keepTrying(log, 'read', reconcile);
  const trySubscribe = keepTrying(log, 'subscription', subscribe);
  const turn = async (): Promise<void> => {
    await tryReconcile();
    await trySubscribe();
  };

  return {
    async start() {
      // First of all, so that nothing falls between the read and the first message.
      await trySubscribe();
      await reconcile();
      cancel = every(INTERVAL, () => {
        running ??= turn().finally(() => {
          running = undefined;
        });
        return running;
      });
    },
    async publish(entries) {
      try {
        for (const message of encodeEntries(entries)) await store.publish(CHANNEL, message);
      } catch (error) {
        log.warn({ event: 'revocations.publish_failed', err: error }, 'other nodes learn it later');
      }
    },
    async stop() {
      cancel?.();
      await running;
      await unsubscribe?.();
      unsubscribe = undefined;
    },
  };
}

/** `work` without its failures: what is known stays denied, the next turn tries again. Logs each change once. */
function keepTrying(log: Log, part: string, work: () => Promise<void>): () => Promise<void> {
  let failing = false;
  return async () => {
    try {
      await work();
      if (failing) log.info({ event: 'revocations.recovered', part }, 'denylist is fed again');
      failing = false;
    } catch (error) {
      const fields = { event: 'revocations.feed_failed', part, err: error };
      if (!failing) log.warn(fields, 'denylist not fed');
      failing = true;
    }
  };
}
