import type { Command as Program } from 'commander';
import { ensureThreadPool } from '../../config/load.ts';
import { issuerOf } from '../http/public-url.ts';
import { type Loaded, notesOf } from '../load-settings.ts';
import { startServer } from '../main.ts';
import { hashSlots } from '../plugins/users/contract.ts';
import { putEventLoopFirst } from '../thread-pool.ts';
import { createThisWorker, type ThisWorker } from '../workers/this-worker.ts';
import { startWorkers, WORKER_NUMBER } from './start-workers.ts';

/** Threads of the pool that hashing leaves to signing, files and DNS. */
export const POOL_RESERVE = 4;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** `start`: the server, until a signal ends it; storage that cannot be reached yet is waited for. */
export function addStartCommand(program: Program, loaded: Promise<Loaded>): void {
  program
    .command('start')
    .description('run the server until SIGINT or SIGTERM')
    .action(async () => start(await loaded));
}

async function start(loaded: Loaded): Promise<void> {
  const { config, environment } = loaded;
  const worker = createThisWorker(environment[WORKER_NUMBER]);
  const slots = hashSlots(Number(environment['HASH_SLOTS']) || undefined, config.WEB_CONCURRENCY);
  ensureThreadPool(slots + POOL_RESERVE);
  // A second signal ends the process at once. A worker may hear of the first one twice: its sender may send it to all.
  const stopping = stoppedBySignal(worker ? 'on' : 'once');
  if (worker) await serveAsWorker(loaded, stopping, worker);
  else if (config.WEB_CONCURRENCY > 1) await serveWithWorkers(loaded, slots, stopping);
  else await serve(loaded, stopping, () => void process.stdout.write(greeting(loaded)));
}

function stoppedBySignal(listen: 'on' | 'once'): AbortSignal {
  const stopping = new AbortController();
  const onSignal = (): void => stopping.abort(new Error('stopped'));
  for (const signal of SIGNALS) process[listen](signal, onSignal);
  return stopping.signal;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

async function serve(
  loaded: Loaded,
  stopping: AbortSignal,
  onReady: () => void,
  worker?: ThisWorker,
): Promise<void> {
  let server: Awaited<ReturnType<typeof startServer>>;
  try {
    server = await startServer(loaded, stopping, worker?.peers);
  } catch (error) {
    if (stopping.aborted) return;
    throw error;
  }
  // By now it has read files, and so has all its threads.
  await putEventLoopFirst().catch((error: unknown) =>
    server.log.warn(
      { event: 'thread_pool.not_lowered', err: error },
      'passwords are hashed at the cost of everything else where cores are scarce',
    ),
  );
  await server.flushLog();
  onReady();
  await aborted(stopping);
  await server.stop();
}

async function serveAsWorker(
  loaded: Loaded,
  stopping: AbortSignal,
  worker: ThisWorker,
): Promise<void> {
  try {
    await serve(loaded, stopping, worker.tellReady, worker);
  } finally {
    worker.leave();
  }
}

async function serveWithWorkers(
  loaded: Loaded,
  slots: number,
  stopping: AbortSignal,
): Promise<void> {
  const workers = await startWorkers(loaded, slots, stopping);
  if (!stopping.aborted) process.stdout.write(greeting(loaded));
  await aborted(stopping);
  if (!(await workers.stop())) process.exitCode = 1;
}

/** The last words of a start: where it is, and what to do next. */
function greeting(loaded: Loaded): string {
  const issuer = issuerOf(loaded.config.publicUrl);
  const notes = notesOf(loaded);
  const keepsMails = issuer.startsWith('http:') && loaded.environment['SMTP_URL'] === undefined;
  return [
    '',
    `Auth Service is ready at ${issuer}`,
    '',
    'Three things to try:',
    '  npx authsrv create-superuser you@example.com      an administrator',
    '  npx authsrv client create --name "My app" --redirect-uri http://localhost:8080/callback',
    `  curl ${issuer}/.well-known/openid-configuration   what a client needs to know`,
    ...(keepsMails ? ['', `Mails are not sent, but kept to be read at ${issuer}/mail`] : []),
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
    '',
  ].join('\n');
}
