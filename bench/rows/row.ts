import type { Comparison } from '../measure.ts';
import type { Stage } from '../stage/stage.ts';

/** One line of the table. */
export type Finding =
  | {
      readonly kind: 'comparison';
      readonly work: string;
      readonly limit: string;
      /** Least ratio; undefined: for information. */
      readonly target?: number;
      readonly comparison: Comparison;
    }
  | {
      readonly kind: 'fact';
      readonly work: string;
      readonly target: string;
      readonly value: string;
      /** Undefined when this machine cannot tell. */
      readonly reached: boolean | undefined;
    };

export interface Row {
  readonly name: string;
  /** A name for several rows, which run only when they are asked for by one of the two: they take minutes. */
  readonly group?: string;
  run(stage: Stage): Promise<readonly Finding[]>;
}
