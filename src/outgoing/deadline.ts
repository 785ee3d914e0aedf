export interface Deadline {
  readonly signal: AbortSignal;
  /** What `work` resolves with, unless the signal is first. */
  race<Result>(work: Promise<Result>): Promise<Result>;
  end(): void;
}

/** Aborts after so many milliseconds (reason: TimeoutError), or with the caller's own signal (its reason). `end` it. */
export function createDeadline(milliseconds: number, caller: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  const { signal } = controller;
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  signal.addEventListener('abort', () => stopped.reject(signal.reason as Error), { once: true });
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`no answer within ${milliseconds} ms`, 'TimeoutError'));
  }, milliseconds);
  const follow = (): void => controller.abort(caller?.reason);
  caller?.addEventListener('abort', follow, { once: true });
  if (caller?.aborted) follow();
  return {
    signal,
    race: (work) => Promise.race([work, stopped.promise]),
    end() {
      clearTimeout(timer);
      caller?.removeEventListener('abort', follow);
    },
  };
}
