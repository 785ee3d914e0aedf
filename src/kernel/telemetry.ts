/** What a node tells of its work. Names and attributes are fixed words: none ever names a person or holds a secret. */

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Runs `work` inside a span of the current trace; a failure marks the span and passes on. */
export type Span = <Result>(
  name: string,
  attributes: Attributes,
  work: () => Promise<Result>,
) => Promise<Result>;

/** Where spans go that nobody collects. */
export const noSpan: Span = (_name, _attributes, work) => work();

/** A number that can be read at any time: `auth_<name>` at `/metrics`. */
export interface Gauge {
  readonly name: string;
  readonly summary: string;
  /** It counts from the start of the process and never falls: a counter, whose name ends in `_total`. */
  readonly grows?: boolean;
  read(): number;
}
