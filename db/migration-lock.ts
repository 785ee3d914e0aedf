/** One migrator at a time on one database, whoever runs it: the server, `authsrv` or sequelize-cli. */
import type { Client } from 'pg';

/** "auth" in ASCII, and one: the two halves of an advisory lock's key. */
const KEY = [0x61757468, 1];
/** Milliseconds. */
const PAUSE = 250;

export interface LockWait {
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Called once when another migrator holds the lock. */
  readonly onWait: () => void;
}

/**
 * Resolves when this connection holds the lock, which ends with it. Asks again and again rather than
 * wait inside PostgreSQL: a waiting statement would itself block `CREATE INDEX CONCURRENTLY`.
 */
export async function takeMigrationLock(
  client: Client,
  { sleep, onWait }: LockWait,
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const { rows } = await client.query<{ taken: boolean }>(
      'SELECT pg_try_advisory_lock($1, $2) AS taken',
      KEY,
    );
    if (rows[0]?.taken) return;
    if (attempt === 0) onWait();
    await sleep(PAUSE);
  }
}
