import type { Database } from '../../../src/kernel/store.ts';
import { isClientSecret } from '../../../src/plugins/clients/contract.ts';

const HASH = { name: 'test-secret', text: 'SELECT secret_hash FROM clients WHERE id = $1' };

/** Whether it is the client's secret, as the token endpoint finds out. */
export async function checkSecret(
  db: Pick<Database, 'query'>,
  clientId: string,
  secret: string,
): Promise<boolean> {
  const [row] = await db.query<{ secret_hash: string | null }>(HASH, [clientId]);
  return isClientSecret(row?.secret_hash, secret);
}
