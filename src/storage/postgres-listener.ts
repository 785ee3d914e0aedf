/** Messages by NOTIFY, on a connection made for the first subscriber and made again after every loss. */
import { Client, type ClientConfig, escapeIdentifier } from 'pg';
import type { Log } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';
import { createChannelListeners, type Listener } from './channel-listeners.ts';
import { clientConfig, type DatabaseConnection } from './connection-settings.ts';
import { createPostgresLink } from './postgres-link.ts';
import { beginSession } from './session-settings.ts';

/** Milliseconds. */
const CONNECT = 1_000;
const ANSWER = 1_500;
/** An idle link that died silently is found out by asking. */
const HEARTBEAT = 2_000;
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 1_000;

export interface PostgresListenerOptions {
  /** Opens a connected client that is used for nothing else. */
  readonly open: () => Promise<Client>;
  readonly log: Log;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

export interface PostgresListener {
  add(channel: string, listener: Listener): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** Opens the client for LISTEN; every wait on it is bounded. */
export async function openListenClient(connection: DatabaseConnection): Promise<Client> {
  const config: ClientConfig = {
    connectionTimeoutMillis: CONNECT,
    ...clientConfig(connection),
    // By this name `authsrv doctor` counts processes.
    application_name: 'auth-service-listener',
    keepAlive: true,
    query_timeout: ANSWER,
  };
  const client = new Client(config);
  await client.connect();
  await beginSession(client);
  return client;
}

const listen = (channel: string) => `LISTEN ${escapeIdentifier(channel)}`;

export function createPostgresListener(options: PostgresListenerOptions): PostgresListener {
  const { open, log, sleep } = options;
  const listeners = createChannelListeners({ join, leave }, log);
  const link = createPostgresLink({ open, onMessage: listeners.deliver, onLost });
  let recovering = false;
  let closed = false;

  const heartbeat = setInterval(() => void beat(), HEARTBEAT).unref();

  /** A failure is told by `onLost`. */
  async function beat(): Promise<void> {
    const client = recovering ? undefined : await link.current();
    if (client) await link.run(client, 'SELECT 1').catch(() => undefined);
  }

  function onLost(reason: Error): void {
    log.warn(
      { event: 'listener.lost', reason: reason.message },
      'lost the connection for messages',
    );
    if (!recovering) void recover();
  }

  async function recover(): Promise<void> {
    recovering = true;
    for (let pause = FIRST_PAUSE; !closed; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        if (await joinAll()) break;
      } catch (error) {
        log.debug({ event: 'listener.retry', err: error }, 'no connection for messages yet');
      }
      await sleep(pause);
    }
    recovering = false;
  }

  /** False when the connection broke while the channels were joined: all have to be joined again. */
  async function joinAll(): Promise<boolean> {
    const client = await link.connected();
    for (const channel of listeners.channels()) await link.run(client, listen(channel));
    if (link.isLost(client)) return false;
    log.info({ event: 'listener.recovered' }, 'messages arrive again');
    return true;
  }

  async function join(channel: string): Promise<void> {
    try {
      await link.run(await link.connected(), listen(channel));
    } catch (error) {
      throw new StoreUnavailable('PostgreSQL did not answer', { cause: error });
    }
  }

  async function leave(channel: string): Promise<void> {
    // Out of reach there is nothing to leave: the next connection joins only what is still listened to.
    const client = recovering ? undefined : await link.current();
    // Somebody may have come meanwhile.
    if (!client || listeners.channels().includes(channel)) return;
    await link.run(client, `UN${listen(channel)}`).catch(() => undefined);
  }

  return {
    add: listeners.add,
    async close() {
      closed = true;
      clearInterval(heartbeat);
      await link.close();
    },
  };
}
