/** One PostgreSQL connection outside the pool, replaced when it breaks; its statements wait for each other. */
import type { Client } from 'pg';
import { within } from './within.ts';

/** Milliseconds for the server to close a connection that said goodbye. */
const GOODBYE = 1_000;

export interface PostgresLinkOptions {
  readonly open: () => Promise<Client>;
  readonly onMessage: (channel: string, message: string) => void;
  /** Once for each connection that broke, but not for `close`. */
  readonly onLost: (reason: Error) => void;
}

export interface PostgresLink {
  /** The connection, made now when there is none. */
  connected(): Promise<Client>;
  /** The connection if there is one. */
  current(): Promise<Client | undefined>;
  /** For statements that can only fail because the connection did: it is given up then. */
  run(client: Client, sql: string): Promise<void>;
  isLost(client: Client): boolean;
  close(): Promise<void>;
}

export function createPostgresLink(options: PostgresLinkOptions): PostgresLink {
  let link: Promise<Client> | undefined;
  /** pg runs one statement at a time, and warns of a queue. */
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;
  const lost = new WeakSet<Client>();

  function lose(client: Client, reason: Error): void {
    if (lost.has(client)) return;
    lost.add(client);
    link = undefined;
    // It is broken already: what matters is that its socket is let go.
    client.end().catch(() => undefined);
    if (!closed) options.onLost(reason);
  }

  async function connect(): Promise<Client> {
    if (closed) throw new Error('The store is closed');
    const client = await options.open();
    client.on('notification', ({ channel, payload = '' }) => options.onMessage(channel, payload));
    client.on('error', (error) => lose(client, error));
    client.on('end', () => lose(client, new Error('The connection ended')));
    return client;
  }

  return {
    connected() {
      const attempt = link ?? connect();
      link = attempt;
      attempt.catch(() => {
        if (link === attempt) link = undefined;
      });
      return attempt;
    },
    current: async () => link?.catch(() => undefined),
    async run(client, sql) {
      const result = turn.then(() => client.query(sql));
      turn = result.catch((error: Error) => lose(client, error));
      await result;
    },
    isLost: (client) => lost.has(client),
    async close() {
      closed = true;
      const client = await link?.catch(() => undefined);
      if (client) await within(client.end(), GOODBYE);
    },
  };
}
