/** Follows `GET /auth/revocations` for as long as the API runs, and knows whether what it knows is up to date. */
import type { Denylist, Revocation } from './denylist.ts';
import { readEvents } from './event-stream.ts';
import type { OpenRevocations } from './open-revocations.ts';

/** Milliseconds without a sign of life after which nobody knows what has ended meanwhile. The server sends one every 15 s. */
const SILENCE = 30_000;
/** Milliseconds before the stream is opened again: doubled with every failure, up to the second. */
const PAUSES = [250, 15_000] as const;

export interface Timing {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after so many milliseconds. */
  sleep(milliseconds: number): Promise<void>;
  /** From 0 to 1: so that many APIs do not come back in one moment. */
  random(): number;
}

interface FollowOptions {
  readonly open: OpenRevocations;
  readonly denylist: Pick<Denylist, 'add'>;
  readonly timing: Timing;
  readonly onFailure: (error: unknown) => void;
}

export interface Following {
  /** False when something may have ended of which nothing was heard. */
  isCurrent(): boolean;
  stop(): void;
}

export function followRevocations({ open, denylist, timing, onFailure }: FollowOptions): Following {
  const stopping = new AbortController();
  let heardAt = Number.NEGATIVE_INFINITY;
  let lastEventId: string | undefined;
  let failures = 0;

  const isSilentSince = (since: number): boolean => timing.now() - since >= SILENCE;

  /** Cuts a connection that says nothing: it may be dead without anybody having noticed. */
  const watch = async (connection: AbortController): Promise<void> => {
    const openedAt = timing.now();
    const heardOrOpenedAt = (): number => Math.max(heardAt, openedAt);
    while (!connection.signal.aborted && !isSilentSince(heardOrOpenedAt())) {
      await timing.sleep(heardOrOpenedAt() + SILENCE - timing.now());
    }
    connection.abort(new Error('The stream of revocations has fallen silent'));
  };

  const followOnce = async (connection: AbortController): Promise<void> => {
    const signal = AbortSignal.any([connection.signal, stopping.signal]);
    let isUpToDate = false;
    for await (const message of readEvents(await open(lastEventId, signal))) {
      if (message) {
        denylist.add(JSON.parse(message.data) as Revocation);
        lastEventId = message.id;
        // Everything of the past has been told; from here on it is told as it happens.
        isUpToDate ||= message.event === 'ready';
      }
      if (!isUpToDate) continue;
      heardAt = timing.now();
      failures = 0;
    }
  };

  const follow = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const connection = new AbortController();
      void watch(connection);
      try {
        await followOnce(connection);
      } catch (error) {
        if (!stopping.signal.aborted) onFailure(error);
      }
      connection.abort();
      const [shortest, longest] = PAUSES;
      const pause = Math.min(shortest * 2 ** failures, longest);
      failures += 1;
      await timing.sleep(pause * (0.5 + timing.random() / 2));
    }
  };
  void follow();

  return {
    isCurrent: () => !isSilentSince(heardAt),
    stop: () => stopping.abort(),
  };
}
