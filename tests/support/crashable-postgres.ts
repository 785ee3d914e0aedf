/** A PostgreSQL for one test, which may kill it; it comes back by itself, with its data. */
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { startEmbeddedPostgres } from '../../src/storage/embedded-postgres/start-embedded-postgres.ts';
import { freePort } from './free-port.ts';
import type { PrivateService } from './private-redis.ts';
import { makeScratchFolder } from './scratch-folder.ts';

export interface CrashablePostgres extends PrivateService {
  /** SIGKILL to the server process. Resolves at once; it is started again. */
  crash(): Promise<void>;
}

/** Throws `PostgresUnavailable` where the npm package has no PostgreSQL for. */
export async function startCrashablePostgres(): Promise<CrashablePostgres> {
  const folder = await makeScratchFolder('test-crashable-');
  const dataDir = path.join(folder, 'data');
  const port = await freePort();
  const { user, database, stop } = await startEmbeddedPostgres({
    dataDir,
    role: 'server',
    tcpPort: port,
    // Without fsync an acknowledged commit may still be in the memory of the process that is killed.
    fsync: true,
  });
  return {
    url: `postgres://${user}@127.0.0.1:${port}/${database}`,
    async crash() {
      const [pid] = (await readFile(path.join(dataDir, 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), 'SIGKILL');
    },
    async stop() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
