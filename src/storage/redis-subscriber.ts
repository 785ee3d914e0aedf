/** Messages from Redis: one connection of its own, made for the first subscriber, subscribed again after every loss. */
import type { Redis } from 'ioredis';
import type { Log } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';
import {
  type ChannelListeners,
  createChannelListeners,
  type Listener,
} from './channel-listeners.ts';
import { type ConnectionState, UNAVAILABLE, watchConnection } from './redis-state.ts';

/** Milliseconds. An idle link that died silently is found out by asking. */
const HEARTBEAT = 2_000;

export interface RedisSubscriber {
  add(channel: string, listener: Listener): Promise<() => Promise<void>>;
  close(): void;
}

interface Link {
  readonly redis: Redis;
  readonly state: ConnectionState;
  readonly heartbeat: NodeJS.Timeout;
}

export function createRedisSubscriber(
  connect: () => Redis,
  prefix: string,
  log: Log,
): RedisSubscriber {
  let link: Link | undefined;
  let closed = false;

  const listeners: ChannelListeners = createChannelListeners({ join, leave }, log);

  async function join(channel: string): Promise<void> {
    if (closed)
      throw new StoreUnavailable(UNAVAILABLE, { cause: new Error('The store is closed') });
    link ??= open(connect(), log, listeners, prefix);
    const { redis, state } = link;
    try {
      await state.ready();
      await redis.subscribe(prefix + channel);
    } catch (error) {
      throw state.failure(error);
    }
  }

  async function leave(channel: string): Promise<void> {
    // Out of reach there is nothing to leave: the next connection joins only what is still listened to.
    if (link?.redis.status !== 'ready') return;
    // Unanswered, it costs messages that nobody listens to; a node that stops must not fail for it.
    await link.redis.unsubscribe(prefix + channel).catch(() => undefined);
  }

  return {
    add: listeners.add,
    close() {
      closed = true;
      clearInterval(link?.heartbeat);
      link?.redis.disconnect();
    },
  };
}

function open(redis: Redis, log: Log, listeners: ChannelListeners, prefix: string): Link {
  const state = watchConnection(redis, 'subscriber', log);
  const startOver = (error: Error) => {
    log.warn(
      { event: 'redis.lost', name: 'subscriber', reason: error.message },
      'connecting again',
    );
    redis.disconnect(true);
  };
  redis.on('message', (channel: string, message: string) =>
    listeners.deliver(channel.slice(prefix.length), message),
  );
  redis.on('ready', () => {
    const channels = listeners.channels().map((channel) => prefix + channel);
    if (channels.length > 0) redis.subscribe(...channels).catch(startOver);
  });
  const heartbeat = setInterval(() => {
    if (redis.status === 'ready') redis.ping().catch(startOver);
  }, HEARTBEAT).unref();
  return { redis, state, heartbeat };
}
