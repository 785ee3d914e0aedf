/** What `authsrv doctor` finds out, and `/health/ready` too. */

/** Something that is not as it should be. Sentences in plain words; they never quote a secret. */
export interface Finding {
  /** `broken`: something does not work, or harm is near. `warning`: it works, and should not stay so. */
  readonly severity: 'broken' | 'warning';
  readonly problem: string;
  /** What to do about it. */
  readonly fix: string;
}

/** One check: it changes nothing and ends by itself within 15 s. */
export interface Diagnosis {
  /** In snake_case, as `/health/ready` and `--json` show it; unique over all plugins. */
  readonly name: string;
  /** Also asked at `/health/ready`, within a second: what is broken there keeps this node from serving. */
  readonly readiness?: boolean;
  /** Nothing when all is well. Throws `NotExamined` or `StoreUnavailable` when it cannot tell. */
  check(): Promise<readonly Finding[]>;
}

/** What a check would look at is not there; its message says why. */
export class NotExamined extends Error {
  override readonly name = 'NotExamined';
}

export const broken = (problem: string, fix: string): Finding => ({
  severity: 'broken',
  problem,
  fix,
});

export const warning = (problem: string, fix: string): Finding => ({
  severity: 'warning',
  problem,
  fix,
});
