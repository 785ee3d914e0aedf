/** Requests to addresses that others name: clients, providers, and whatever comes. Nothing else may leave by HTTP. */

export type Fetch = typeof globalThis.fetch;

export interface Outgoing {
  /**
   * `fetch` that cannot be led inwards: https (http to loopback where that is allowed), to addresses that were checked before
   * the connection, within 4 s and 256 KB, answer included. A redirect is returned as it came with `redirect: 'manual'`, else
   * it is a failure. Rejects as `fetch` does, with `TypeError: fetch failed` and its `cause`, or with the reason of a signal.
   */
  readonly fetch: Fetch;
  /** The same, which may also reach the hosts of these URLs: the operator named them. They are asked for at each request. */
  allowing(named: () => readonly URL[]): Fetch;
  /** What is wrong with a URL, as far as it says so itself, in words that follow its name; undefined: nothing. */
  faultOf(url: URL): string | undefined;
  /** The same, once its host has been resolved. Throws when it cannot be. */
  examine(url: URL): Promise<string | undefined>;
}
