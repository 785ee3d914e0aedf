/** Ports to where state lives: the relational database and the state store. Neither `pg` nor a Redis client is known here; of Sequelize, types are. */
import type { Sequelize, Transaction } from 'sequelize';

export type { Transaction };

/** A prepared statement: PostgreSQL plans it once per connection under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** PostgreSQL. Only `model.ts` files use it. */
export interface Database {
  /** For model definitions; hot paths use `query`. */
  readonly orm: Sequelize;
  /** Runs a prepared statement and returns its rows. Throws `StoreUnavailable` when PostgreSQL cannot be reached. */
  query<Row extends object>(
    statement: Statement,
    values: readonly unknown[],
    transaction?: Transaction,
  ): Promise<Row[]>;
  /** Commits what `work` did, or nothing of it. */
  transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
}

/** A store did not answer in time. HTTP answers it with 503 and `Retry-After`. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** What `consumeOnce` found: `first` for exactly one caller, ever. */
export interface Consumption {
  readonly first: boolean;
  /** The value stored under the key. */
  readonly value: string;
}

/** The answer of a token bucket. */
export interface BucketAnswer {
  readonly allowed: boolean;
  /** Whole tokens left after this call. */
  readonly remaining: number;
  /** Seconds until the asked cost is there; 0 when allowed. */
  readonly retryAfter: number;
}

export interface Bucket {
  readonly key: string;
  /** Tokens a full bucket holds. */
  readonly capacity: number;
  readonly refillPerSecond: number;
  readonly cost: number;
}

/**
 * Records with a lifetime that may be lost as a whole without letting anybody in: Redis, or PostgreSQL without one.
 * Every method is one atomic operation; all lifetimes are whole seconds ≥ 1, measured by the store's own clock.
 * Every method throws `StoreUnavailable` when the store cannot be reached in time; nothing is ever retried silently.
 */
export interface StateStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string, ttl: number): Promise<void>;
  /** True for the one caller that wrote; false leaves the record that is there untouched. */
  setIfAbsent(key: string, value: string, ttl: number): Promise<boolean>;
  /** Reads and deletes: exactly one of many parallel callers gets the value. */
  take(key: string): Promise<string | undefined>;
  /** Marks a record as used and keeps it until its lifetime ends; undefined when there is none. */
  consumeOnce(key: string): Promise<Consumption | undefined>;
  /** Sets the remaining lifetime; false when there is no record. */
  expire(key: string, ttl: number): Promise<boolean>;
  delete(key: string): Promise<void>;
  takeTokens(bucket: Bucket): Promise<BucketAnswer>;
  /** Messages reach every subscriber of every node, at most once; messages are ≤ 4,000 bytes. */
  publish(channel: string, message: string): Promise<void>;
  /** Calls `listener` for each message until the returned function is called. Reconnects by itself. */
  subscribe(channel: string, listener: (message: string) => void): Promise<() => Promise<void>>;
  /** Resolves when the store answers, all servers of it. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
