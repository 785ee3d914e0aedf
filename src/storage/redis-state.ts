/** What is known of a connection to Redis besides its last answer. */
import type { Log } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';
import { CONNECT, type RedisConnection } from './redis-connection.ts';

export const UNAVAILABLE = 'Redis did not answer';

export interface ConnectionState {
  /** Resolves when commands can be sent; throws `StoreUnavailable` when the attempt under way fails. */
  ready(): Promise<void>;
  /** `StoreUnavailable`, caused by what broke the connection rather than by the refusal to queue. */
  failure(error: unknown): StoreUnavailable;
}

/** Follows a connection: logs its loss and its return once each, not every attempt between. */
export function watchConnection(
  connection: RedisConnection,
  name: string,
  log: Log,
): ConnectionState {
  let broken: Error | undefined;
  connection.on('error', (error: Error) => {
    if (!broken)
      log.warn({ event: 'redis.lost', name, reason: error.message }, 'Redis connection lost');
    broken = error;
  });
  connection.on('ready', () => {
    if (broken) log.info({ event: 'redis.recovered', name }, 'Redis connection is back');
    broken = undefined;
  });

  const failure = (error: unknown) => new StoreUnavailable(UNAVAILABLE, { cause: broken ?? error });

  return {
    failure,
    ready() {
      if (connection.status === 'ready') return Promise.resolve();
      if (!['wait', 'connecting', 'connect'].includes(connection.status)) {
        return Promise.reject(failure(new Error(`The connection is ${connection.status}`)));
      }
      return nextAttempt(connection, failure);
    },
  };
}

function nextAttempt(
  connection: RedisConnection,
  failure: (error: unknown) => Error,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      clearTimeout(late);
      connection.off('ready', onReady);
      connection.off('close', onClose);
      done();
    };
    const onReady = () => settle(resolve);
    const onClose = () => settle(() => reject(failure(new Error('The connection was closed'))));
    const late = setTimeout(onClose, CONNECT);
    connection.on('ready', onReady);
    connection.on('close', onClose);
  });
}
