/** Time and randomness, injected so that tests decide both. */

export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

export interface Random {
  bytes(count: number): Buffer;
  /** `count` random bytes as base64url: 32 bytes are 43 characters. */
  token(count?: number): string;
  /** A version 4 UUID. */
  uuid(): string;
}

/** Whole seconds since 1970, as JWTs count them (RFC 7519 NumericDate). */
export const epochSeconds = (clock: Clock): number => Math.floor(clock.now() / 1000);
