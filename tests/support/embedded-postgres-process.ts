/** A program that uses the embedded PostgreSQL: `<data directory> <role> <hold|query|insert>`; a JSON line an event. */
import { once } from 'node:events';
import { Client, type ClientConfig } from 'pg';
import type { Role } from '../../src/storage/embedded-postgres/owner.ts';
import { startEmbeddedPostgres } from '../../src/storage/embedded-postgres/start-embedded-postgres.ts';

const [dataDir = '', role, task] = process.argv.slice(2);
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

try {
  const { stop, ...connection } = await startEmbeddedPostgres({ dataDir, role: role as Role });
  try {
    say({ event: 'ready', ...connection });
    await use(connection);
  } finally {
    await stop();
  }
} catch (error) {
  say({ event: 'failed', message: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
}

async function use(connection: ClientConfig): Promise<void> {
  const client = new Client(connection);
  // Told to the statement that runs; none may be running.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    if (task === 'insert') await insertForEver(client);
    if (task === 'hold') await once(process.stdin.resume(), 'end');
  } finally {
    await client.end();
  }
}

async function insertForEver(client: Client): Promise<never> {
  await client.query('CREATE TABLE IF NOT EXISTS acknowledged (id bigserial PRIMARY KEY)');
  for (;;) {
    const { rows } = await client.query('INSERT INTO acknowledged DEFAULT VALUES RETURNING id');
    say({ event: 'acknowledged', id: Number(rows[0].id) });
  }
}
