/** `work` never runs twice at once; whoever asks while it runs gets the outcome of one more run after it. */
export function oneAtATime<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined;
  let next: Promise<Result> | undefined;

  const start = (): Promise<Result> => {
    running = work().finally(() => {
      running = undefined;
    });
    return running;
  };

  return () => {
    if (!running) return start();
    const again = (): Promise<Result> => {
      next = undefined;
      return start();
    };
    next ??= running.then(again, again);
    return next;
  };
}
