/** Keeps this node's denylist equal to PostgreSQL's, and tells what it reads: messages for speed, reading for certainty. */
import type { Log } from '../../kernel/plugin.ts';
import type { StateStore } from '../../kernel/store.ts';
import type { Entry } from './denylist.ts';
import type { Every } from './every.ts';
import { keepTrying } from './keep-trying.ts';
import { CHANNEL, decodeEntries, encodeEntries } from './messages.ts';
import { createReader, type ReaderDependencies } from './reader.ts';

/** Milliseconds between two reads of PostgreSQL. */
const INTERVAL = 5_000;
/** Reads that succeeded from one heartbeat to the next: 15 s when all goes well. */
const READS_PER_HEARTBEAT = 3;

interface Dependencies extends ReaderDependencies {
  readonly store: Pick<StateStore, 'publish' | 'subscribe'>;
  readonly log: Log;
  /** Milliseconds an entry of a version before is kept. */
  readonly keep: number;
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
  const { denylist, journal, store, log, keep, every } = dependencies;
  const reader = createReader(dependencies);
  let reads = 0;
  let unsubscribe: (() => Promise<void>) | undefined;
  let cancel: (() => void) | undefined;
  let running: Promise<void> | undefined;
  let reading: Promise<unknown> | undefined;

  const subscribe = async (): Promise<void> => {
    unsubscribe ??= await store.subscribe(CHANNEL, receive);
  };

  const tryRead = keepTrying(log, 'read', reader.read);
  const tryTidy = keepTrying(log, 'sweep', reader.tidy);
  const trySubscribe = keepTrying(log, 'subscription', subscribe);

  /** Followers are told what is read, not what messages say: only that has a place to go on from. */
  const readForFollowers = (): void => {
    if (journal.isFollowed) reading = tryRead();
  };

  const receive = (message: string): void => {
    try {
      denylist.add(decodeEntries(message, keep));
    } catch (error) {
      log.warn({ event: 'revocations.message_refused', err: error }, 'not a revocation message');
    }
    readForFollowers();
  };

  const turn = async (): Promise<void> => {
    if (await tryRead()) {
      reads += 1;
      // A node that cannot read falls silent, so that whoever follows it knows.
      if (reads % READS_PER_HEARTBEAT === 0) journal.tell('heartbeat');
      await tryTidy();
    }
    await trySubscribe();
  };

  return {
    async start() {
      // First of all, so that nothing falls between the read and the first message.
      await trySubscribe();
      await reader.read();
      await tryTidy();
      cancel = every(INTERVAL, () => {
        running ??= turn().finally(() => {
          running = undefined;
        });
        return running;
      });
    },
    async publish(entries) {
      if (entries.length > 0) readForFollowers();
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
      await reading;
    },
  };
}
