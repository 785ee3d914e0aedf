/** Milliseconds: Node's timers fire at once when they are to wait longer (24.8 days). */
const LONGEST = 2 ** 31 - 1;

/** Calls `work` once, after any number of milliseconds, until the returned function is called. */
export function callAfter(milliseconds: number, work: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (left: number): void => {
    const step = Math.min(left, LONGEST);
    timer = setTimeout(() => (left > step ? wait(left - step) : work()), step);
  };
  wait(milliseconds);
  return () => clearTimeout(timer);
}
