/** Calls `work` every so many milliseconds until the returned function is called. */
export type Every = (milliseconds: number, work: () => unknown) => () => void;

/** Does not keep the process alive. */
export const every: Every = (milliseconds, work) => {
  const timer = setInterval(work, milliseconds).unref();
  return () => clearInterval(timer);
};
