import type { Database, Transaction } from '../../kernel/store.ts';
import type { ClientMetadata } from './metadata.ts';

/** The members of the metadata that have no column of their own. */
export type StoredMetadata = Omit<
  ClientMetadata,
  'client_name' | 'first_party' | 'allowed_scopes' | 'allowed_resources'
>;

export interface ClientRow {
  readonly id: string;
  readonly name: string;
  /** SHA-256 as base64url; null for clients that have no secret. */
  readonly secret_hash: string | null;
  readonly metadata: StoredMetadata;
  readonly first_party: boolean;
  readonly allowed_scopes: readonly string[];
  /** Null: nobody has decided. */
  readonly allowed_resources: readonly string[] | null;
  readonly created_at: Date;
}

const COLUMNS =
  'id, name, secret_hash, metadata, first_party, allowed_scopes, allowed_resources, created_at';

const FIND = { name: 'clients-find', text: `SELECT ${COLUMNS} FROM clients WHERE id = $1` };
const LIST = {
  name: 'clients-list',
  text: `SELECT ${COLUMNS} FROM clients ORDER BY created_at, id`,
};
const INSERT = {
  name: 'clients-insert',
  text: `INSERT INTO clients (${COLUMNS}, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
};
const SET_SECRET = {
  name: 'clients-set-secret',
  text: `UPDATE clients SET secret_hash = $2, updated_at = $3
    WHERE id = $1 AND secret_hash IS NOT NULL RETURNING id`,
};
const SET_RESOURCES = {
  name: 'clients-set-resources',
  text: `UPDATE clients SET allowed_resources = $2, updated_at = $3 FROM clients AS before
    WHERE clients.id = $1 AND before.id = $1 RETURNING before.allowed_resources AS before`,
};
// Before anything else of a deletion: what allows a client something, or makes a grant, locks in this order too.
const LOCK = { name: 'clients-lock', text: 'SELECT id FROM clients WHERE id = $1 FOR UPDATE' };
// The cascade of the foreign key, for which `consents` cannot be asked: it depends on this plugin. Not `client_id = $1`: with
// stale statistics, PostgreSQL would compare each consent of the client with each of the batch.
const FORGET_CONSENTS = {
  name: 'clients-forget-consents',
  text: `WITH batch AS MATERIALIZED (
      SELECT user_id FROM consents WHERE client_id = $1 ORDER BY user_id LIMIT $2 FOR UPDATE)
    DELETE FROM consents WHERE user_id = ANY(ARRAY(SELECT user_id FROM batch)) AND client_id IS NOT DISTINCT FROM $1
    RETURNING user_id`,
};
const DELETE = { name: 'clients-delete', text: 'DELETE FROM clients WHERE id = $1' };

/** Ids come from requests; PostgreSQL refuses some texts, and no client has such an id. */
const POSSIBLE_ID = /^[\x21-\x7e]{1,255}$/;

export type ClientModel = ReturnType<typeof createClientModel>;

/** Table `clients`; `consents` go with a client by foreign key. */
export function createClientModel(db: Database) {
  return {
    async find(id: string): Promise<ClientRow | undefined> {
      if (!POSSIBLE_ID.test(id)) return undefined;
      return (await db.query<ClientRow>(FIND, [id]))[0];
    },

    list: (): Promise<ClientRow[]> => db.query<ClientRow>(LIST, []),

    async insert(row: ClientRow): Promise<void> {
      const { id, name, secret_hash, metadata, first_party, created_at } = row;
      const json = JSON.stringify(metadata);
      const allowed = [row.allowed_scopes, row.allowed_resources];
      await db.query(INSERT, [id, name, secret_hash, json, first_party, ...allowed, created_at]);
    },

    /** False when there is no such client, or it has no secret. */
    async setSecret(id: string, hash: string, now: Date): Promise<boolean> {
      if (!POSSIBLE_ID.test(id)) return false;
      return (await db.query(SET_SECRET, [id, hash, now])).length === 1;
    },

    /** What was there before; undefined when there is no such client. */
    async setResources(
      id: string,
      resources: readonly string[],
      now: Date,
      transaction: Transaction,
    ): Promise<{ before: readonly string[] | null } | undefined> {
      if (!POSSIBLE_ID.test(id)) return undefined;
      const values = [id, resources, now];
      return (await db.query<{ before: string[] | null }>(SET_RESOURCES, values, transaction))[0];
    },

    /** Nobody else changes or deletes it until the transaction ends. False when there is no such client. */
    async lock(id: string, transaction: Transaction): Promise<boolean> {
      if (!POSSIBLE_ID.test(id)) return false;
      return (await db.query(LOCK, [id], transaction)).length === 1;
    },

    /** Deletes at most `limit` of what people allowed the client; returns how many. */
    async forgetConsents(id: string, limit: number, transaction?: Transaction): Promise<number> {
      return (await db.query(FORGET_CONSENTS, [id, limit], transaction)).length;
    },

    /** Of a client that is locked. */
    async delete(id: string, transaction: Transaction): Promise<void> {
      await db.query(DELETE, [id], transaction);
    },
  };
}
