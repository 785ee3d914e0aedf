/** Which request a log line belongs to, without handing its id from call to call. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Log } from '../kernel/plugin.ts';

export interface RequestContext {
  /** Names the request in every line that is written while `run` goes on, and in what that began. */
  readonly log: Log;
  run<Result>(requestId: string, work: () => Result): Result;
}

export function createRequestContext(log: Log): RequestContext {
  const current = new AsyncLocalStorage<string>();
  const at =
    (level: keyof Log) =>
    (fields: object, message: string): void => {
      const id = current.getStore();
      log[level](id === undefined ? fields : { ...fields, request_id: id }, message);
    };
  return {
    log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    run: (requestId, work) => current.run(requestId, work),
  };
}
