import type { Log } from '../../kernel/plugin.ts';

/** Who changed what, and how it was before (SEC-82). The line carries the request's id as every other. */
export const createRecord =
  (log: Pick<Log, 'info'>) =>
  (action: string, actor: string, target: string, diff: object): void =>
    log.info({ event: `admin.${action}`, actor, target, diff }, 'a superuser changed a role');
