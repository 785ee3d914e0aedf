import { inBatches } from '../../kernel/in-batches.ts';
import type { Database, Transaction } from '../../kernel/store.ts';
import type { Given } from './contract.ts';

const FIND = {
  name: 'consents-find',
  text: 'SELECT scopes, resources FROM consents WHERE user_id = $1 AND client_id = $2',
};
// FOR KEY SHARE: neither party can be deleted between the look and the insert. FOR SHARE: a session that is being ended
// right now is waited for, and allows nothing any more (D18a).
const ALLOW = {
  name: 'consents-allow',
  text: `INSERT INTO consents (user_id, client_id, scopes, resources, created_at, updated_at)
    SELECT users.id, clients.id, $3::text[], $4::text[], $5, $5 FROM users, clients
    WHERE users.id = $1 AND clients.id = $2 AND ($6::text IS NULL
      OR EXISTS (SELECT FROM sessions WHERE id = $6 AND user_id = $1 AND ended_at IS NULL FOR SHARE))
    FOR KEY SHARE
    ON CONFLICT (user_id, client_id) DO UPDATE SET updated_at = excluded.updated_at, scopes = ARRAY(
      SELECT DISTINCT scope FROM unnest(consents.scopes || excluded.scopes) AS scope ORDER BY scope), resources = ARRAY(
      SELECT DISTINCT resource FROM unnest(consents.resources || excluded.resources) AS resource ORDER BY resource)
    RETURNING user_id`,
};
const DELETE = {
  name: 'consents-delete',
  text: 'DELETE FROM consents WHERE user_id = $1 AND client_id = $2',
};

const LIST = {
  name: 'consents-list',
  text: `SELECT client_id, clients.name AS client_name, scopes, resources, consents.created_at, consents.updated_at
    FROM consents JOIN clients ON clients.id = client_id WHERE user_id = $1 ORDER BY consents.created_at`,
};
const ERASE = { name: 'consents-erase', text: 'DELETE FROM consents WHERE user_id = $1' };

const FORGET = {
  name: 'consents-forget',
  text: `WITH batch AS MATERIALIZED (SELECT user_id, client_id FROM consents LIMIT $1 FOR UPDATE)
    DELETE FROM consents USING batch
    WHERE consents.user_id = batch.user_id AND consents.client_id = batch.client_id RETURNING batch.user_id`,
};

interface ConsentRow {
  readonly client_id: string;
  readonly client_name: string;
  readonly scopes: string[];
  readonly resources: string[];
  readonly created_at: Date;
  readonly updated_at: Date;
}

export type ConsentModel = ReturnType<typeof createConsentModel>;

/** Table `consents`: one row a user and client, over all sessions. */
export function createConsentModel(db: Database) {
  return {
    /** Everybody is asked again. */
    async forget(): Promise<void> {
      await inBatches(async (size) => (await db.query(FORGET, [size])).length);
    },

    async find(userId: string, clientId: string): Promise<Given> {
      const [row] = await db.query<Given>(FIND, [userId, clientId]);
      return row ?? { scopes: [], resources: [] };
    },

    /** Adds what is given in one statement, so that two pages at once lose none; false when a party or the session is gone. */
    async allow(
      userId: string,
      clientId: string,
      { scopes, resources }: Given,
      { now, sessionId }: { readonly now: Date; readonly sessionId: string | undefined },
    ): Promise<boolean> {
      const values = [userId, clientId, scopes, resources, now, sessionId];
      return (await db.query(ALLOW, values)).length === 1;
    },

    async delete(userId: string, clientId: string, transaction: Transaction): Promise<void> {
      await db.query(DELETE, [userId, clientId], transaction);
    },

    list: (userId: string): Promise<ConsentRow[]> => db.query(LIST, [userId]),

    async eraseUser(userId: string, transaction: Transaction): Promise<void> {
      await db.query(ERASE, [userId], transaction);
    },
  };
}
