/** Why a request was not made, or its answer not taken. */
export type Reason = 'scheme' | 'address' | 'redirect' | 'size' | 'encoding' | 'time' | 'network';

/** Its message names hosts at most: no path, query, header or body. */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError';
  readonly code = 'EOUTGOING';
  readonly reason: Reason;
  /** Words that follow a URL or its host. */
  readonly fault: string;

  constructor(reason: Reason, host: string, fault: string) {
    super(`${host} ${fault}`);
    this.reason = reason;
    this.fault = fault;
  }
}
