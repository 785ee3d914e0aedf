/** Failures with a name: RFC 9457 problem details, declared in catalogues. */

/** One fault of the input, at a JSON Pointer into the request (`#/email`). */
export interface InputError {
  readonly pointer: string;
  readonly detail: string;
}

/** What a catalogue says of a problem; `detail` is public text and never tells why a look-up failed. */
export interface ProblemSpec {
  readonly status: number;
  readonly title: string;
  readonly detail?: string;
  /** Sent as `WWW-Authenticate` (RFC 9110 §11.6.1). */
  readonly challenge?: string;
  /** Seconds, sent as `Retry-After`. */
  readonly retryAfter?: number;
  /** Told to many at once, by a server with too much to do: who refuses logs that it begins and ends, not each one. */
  readonly isOverload?: boolean;
}

export interface ProblemType extends ProblemSpec {
  /** `urn:problem:users:email-taken` */
  readonly type: string;
}

export interface ProblemDetails {
  readonly detail?: string;
  readonly errors?: readonly InputError[];
  readonly retryAfter?: number;
  /** Added to those that the answer has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Why it really happened: for the log, never for the answer. */
  readonly cause?: unknown;
}

export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: ProblemType;
  readonly details: ProblemDetails;

  constructor(problem: ProblemType, details: ProblemDetails = {}) {
    super(problem.title, { cause: details.cause });
    this.problem = problem;
    this.details = details;
  }
}

export type Problems<Name extends string> = {
  readonly [name in Name]: ProblemType & ((details?: ProblemDetails) => ProblemError);
};

const kebab = (name: string): string => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/** A catalogue: `problems.emailTaken()` makes the error, `problems.emailTaken.status` describes it. */
export function defineProblems<Name extends string>(
  owner: string,
  specs: Record<Name, ProblemSpec>,
): Problems<Name> {
  const entries = Object.entries<ProblemSpec>(specs).map(([name, spec]) => {
    const problem: ProblemType = { ...spec, type: `urn:problem:${owner}:${kebab(name)}` };
    const create = (details?: ProblemDetails): ProblemError => new ProblemError(problem, details);
    return [name, Object.assign(create, problem)];
  });
  return Object.fromEntries(entries) as Problems<Name>;
}
