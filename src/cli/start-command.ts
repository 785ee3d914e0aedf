import type { Command as Program } from 'commander';
import { ensureThreadPool } from '../../config/load.ts';
import { issuerOf } from '../http/public-url.ts';
import { type Loaded, notesOf } from '../load-settings.ts';
import { type RunningServer, startServer } from '../main.ts';
import { hashSlots } from '../plugins/users/contract.ts';

/** Threads of the pool that hashing leaves to signing, files and DNS. */
const POOL_RESERVE = 4;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** `start`: the server, until a signal ends it; storage that cannot be reached yet is waited for. */
export function addStartCommand(program: Program, loaded: Promise<Loaded>): void {
  program
    .command('start')
    .description('run the server until SIGINT or SIGTERM')
    .action(async () => {
      const settings = await loaded;
      const slots = hashSlots(Number(settings.environment['HASH_SLOTS']) || undefined);
      ensureThreadPool(slots + POOL_RESERVE);
      const stopping = new AbortController();
      const stopped = Promise.withResolvers<void>();
      const onSignal = (): void => {
        stopping.abort(new Error('stopped'));
        stopped.resolve();
      };
      for (const signal of SIGNALS) process.once(signal, onSignal);
      let server: RunningServer;
      try {
        server = await startServer(settings, stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) return;
        throw error;
      }
      await server.flushLog();
      process.stdout.write(greeting(server));
      await stopped.promise;
      await server.stop();
    });
}

/** The last words of a start: where it is, and what to do next. */
function greeting({ loaded }: RunningServer): string {
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
