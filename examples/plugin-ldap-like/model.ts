import type { Database } from '../../src/kernel/store.ts';

export interface Entry {
  readonly uid: string;
  readonly email: string;
  readonly name: string;
  readonly password_hash: string;
}

const FIND = {
  name: 'directory-find',
  text: 'SELECT uid, email, name, password_hash FROM directory_entries WHERE uid = $1',
};
const PUT = {
  name: 'directory-put',
  text: `INSERT INTO directory_entries (uid, email, name, password_hash) VALUES ($1, $2, $3, $4)
    ON CONFLICT (uid) DO UPDATE SET email = $2, name = $3, password_hash = $4`,
};
const REMOVE = {
  name: 'directory-remove',
  text: 'DELETE FROM directory_entries WHERE uid = $1 RETURNING uid',
};

export type DirectoryModel = ReturnType<typeof createDirectoryModel>;

/** Table `directory_entries`: prepared statements, no SQL anywhere else. */
export function createDirectoryModel(db: Database) {
  return {
    async find(uid: string): Promise<Entry | undefined> {
      return (await db.query<Entry>(FIND, [uid]))[0];
    },
    async put({ uid, email, name, password_hash }: Entry): Promise<void> {
      await db.query(PUT, [uid, email, name, password_hash]);
    },
    async remove(uid: string): Promise<boolean> {
      return (await db.query(REMOVE, [uid])).length > 0;
    },
  };
}
