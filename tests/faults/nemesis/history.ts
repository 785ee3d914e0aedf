/** What clients saw: every call, when it began and ended, and how. Nothing here knows the server. */

/** `ok`: acknowledged. `refused`: it did not happen. `unknown`: no answer, or one that does not say. */
export type Outcome = 'ok' | 'refused' | 'unknown';

/** Facts are labels such as `session 7` or `password of a@example.com: x`. */
export interface Plan {
  readonly kind: string;
  readonly node: string;
  /** A token that may succeed once. */
  readonly spends?: string;
  /** Facts that must hold for it to succeed. */
  readonly uses?: readonly string[];
  /** Facts that are over once it is acknowledged. */
  readonly ends?: readonly string[];
  /** Facts that hold again. */
  readonly begins?: readonly string[];
  /** An address that has an account once it is acknowledged. */
  readonly registers?: string;
  /** What is asked for was acknowledged before and lies in PostgreSQL: a refusal means that it was lost. */
  readonly owed?: boolean;
}

export interface Reply {
  /** Of HTTP; 0 when no answer came. */
  readonly status: number;
  readonly hasRetryAfter: boolean;
  /** What it gave: the next token, a number. */
  readonly gave?: string;
  /** Facts that the answer claims. */
  readonly uses?: readonly string[];
}

export interface Operation extends Plan, Reply {
  /** Milliseconds by the clock of the clients. */
  readonly started: number;
  readonly ended: number;
  readonly outcome: Outcome;
}

/** A fault, from right before it began until right after it was taken away. */
export interface FaultWindow {
  readonly name: string;
  readonly began: number;
  readonly healed: number;
}

/** Of one process at one time. */
export interface Resources {
  readonly node: string;
  readonly when: 'base' | 'end';
  readonly fileDescriptors: number;
  readonly handles: number;
  /** Bytes of the JavaScript heap that are used. */
  readonly heap: number;
}

export interface History {
  readonly operations: readonly Operation[];
  readonly faults: readonly FaultWindow[];
  /** Accounts in PostgreSQL at the end, by address. */
  readonly accounts: ReadonlyMap<string, number>;
  readonly resources: readonly Resources[];
}

export interface Recorded<Value> {
  readonly outcome: Outcome;
  /** Undefined when no answer came. */
  readonly value: Value | undefined;
}

export interface Recorder {
  readonly operations: readonly Operation[];
  /** Never throws: a call that throws had no answer. */
  record<Value>(
    plan: Plan,
    call: () => Promise<Value>,
    read: (value: Value) => Reply,
  ): Promise<Recorded<Value>>;
}

export function createRecorder(now: () => number): Recorder {
  const operations: Operation[] = [];
  return {
    operations,
    async record(plan, call, read) {
      const started = now();
      const value = await call().catch(() => undefined);
      const reply = value === undefined ? NO_ANSWER : read(value);
      const outcome = outcomeOf(reply.status);
      const uses = [...(plan.uses ?? []), ...(reply.uses ?? [])];
      operations.push({ ...plan, ...reply, uses, started, ended: now(), outcome });
      return { outcome, value };
    },
  };
}

const NO_ANSWER: Reply = { status: 0, hasRetryAfter: false };

function outcomeOf(status: number): Outcome {
  if (status === 0 || status >= 500) return 'unknown';
  return status < 400 ? 'ok' : 'refused';
}
