/** Which pooled connections may still be used. The pool asks before it hands one out. */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Client, DatabaseError } from 'pg';
import { isFatal } from './database-failures.ts';

/** The parts of a pg client that its types leave out; Sequelize relies on them too. */
interface ClientInternals {
  readonly connection: EventEmitter & { readonly stream: Socket };
}

const internals = (client: Client): ClientInternals => client as unknown as ClientInternals;

export interface DatabaseSessions {
  /** Follows a new connection until its end. */
  add(client: Client): void;
  /** Not one more statement goes through this connection. */
  end(client: Client): void;
  isAlive(client: Client): boolean;
  /** After a migration: connections opened so far finish what they do and are then replaced. */
  outdateAll(): void;
  isReusable(client: Client): boolean;
  /** Closes the socket, whatever runs on it: a goodbye to a hung server would never return. */
  cut(client: Client): void;
  cutAll(): void;
}

export function createDatabaseSessions(onLost: (reason: Error) => void): DatabaseSessions {
  const alive = new Set<Client>();
  let current = new WeakSet<Client>();

  const lose = (client: Client, reason: Error) => {
    if (alive.delete(client)) onLost(reason);
  };
  const cut = (client: Client) => void internals(client).connection.stream.destroy();

  return {
    add(client) {
      alive.add(client);
      current.add(client);
      client.on('error', (reason) => lose(client, reason));
      client.on('end', () => alive.delete(client));
      // A fatal answer reaches the running statement some time before the socket closes.
      internals(client).connection.on('errorMessage', (message: DatabaseError) => {
        if (isFatal(message)) lose(client, message);
      });
    },
    end: (client) => void alive.delete(client),
    isAlive: (client) => alive.has(client),
    outdateAll() {
      current = new WeakSet();
    },
    isReusable: (client) => alive.has(client) && current.has(client),
    cut,
    cutAll() {
      for (const client of alive) cut(client);
    },
  };
}
