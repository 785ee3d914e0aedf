/** Messages by NOTIFY, on one connection of its own: made for the first subscriber, made again after every loss. */
import { Client, type ClientConfig, escapeIdentifier } from 'pg';
import type { Log } from '../kernel/plugin.ts';
import { StoreUnavailable } from '../kernel/store.ts';
import { createChannelListeners, type Listener } from './channel-listeners.ts';
import { clientConfig, type DatabaseConnection } from './connection-settings.ts';
import { within } from './within.ts';

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
    application_name: 'auth-service-listener',
    ...clientConfig(connection),
    keepAlive: true,
    connectionTimeoutMillis: CONNECT,
    query_timeout: ANSWER,
  };
  const client = new Client(config);
  await client.connect();
  return client;
}

export function createPostgresListener(options: PostgresListenerOptions): PostgresListener {
  const { open, log, sleep } = options;
  const listeners = createChannelListeners({ join, leave }, log);
  let link: Promise<Client> | undefined;
  /** pg runs one statement at a time, and warns of a queue. */
  let turn: Promise<unknown> = Promise.resolve();
  let recovering = false;
  let closed = false;

  const heartbeat = setInterval(() => {
    if (!recovering) void link?.then((client) => run(client, 'SELECT 1')).catch(() => undefined);
  }, HEARTBEAT).unref();

  async function connect(): Promise<Client> {
    if (closed) throw new Error('The state store is closed');
    const client = await open();
    client.on('notification', ({ channel, payload = '' }) => listeners.deliver(channel, payload));
    client.on('error', (error) => lose(client, error));
    client.on('end', () => lose(client, new Error('The connection ended')));
    return client;
  }

  function connected(): Promise<Client> {
    const attempt = link ?? connect();
    link = attempt;
    attempt.catch(() => {
      if (link === attempt) link = undefined;
    });
    return attempt;
  }

  /** Any failure here means that the link is broken: these statements have nothing else to fail on. */
  async function run(client: Client, sql: string): Promise<void> {
    const result = turn.then(() => client.query(sql));
    turn = result.catch((error: Error) => lose(client, error));
    await result;
  }

  const ended = new WeakSet<Client>();
  function lose(client: Client, error: Error): void {
    if (ended.has(client)) return;
    ended.add(client);
    link = undefined;
    client.end().catch(() => undefined);
    if (closed) return;
    log.warn({ event: 'listener.lost', reason: error.message }, 'lost the connection for messages');
    if (!recovering) void recover();
  }

  async function recover(): Promise<void> {
    recovering = true;
    for (let pause = FIRST_PAUSE; !closed; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        const client = await connected();
        for (const channel of listeners.channels()) await run(client, listen(channel));
        if (ended.has(client)) continue;
        log.info({ event: 'listener.recovered' }, 'messages arrive again');
        break;
      } catch (error) {
        log.debug({ event: 'listener.retry', err: error }, 'no connection for messages yet');
        await sleep(pause);
      }
    }
    recovering = false;
  }

  const listen = (channel: string) => `LISTEN ${escapeIdentifier(channel)}`;

  async function join(channel: string): Promise<void> {
    try {
      await run(await connected(), listen(channel));
    } catch (error) {
      throw new StoreUnavailable('PostgreSQL did not answer', { cause: error });
    }
  }

  async function leave(channel: string): Promise<void> {
    // Out of reach there is nothing to leave: the next connection joins only what is still listened to.
    const client = recovering ? undefined : await link?.catch(() => undefined);
    if (client) await run(client, `UN${listen(channel)}`).catch(() => undefined);
  }

  return {
    add: listeners.add,
    async close() {
      closed = true;
      clearInterval(heartbeat);
      const client = await link?.catch(() => undefined);
      if (client) await within(client.end(), CONNECT);
    },
  };
}
