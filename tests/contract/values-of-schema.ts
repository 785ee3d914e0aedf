/** Values that a JSON Schema of the document allows. */
import fc from 'fast-check';

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

export type Schemas = Readonly<Record<string, Schema>>;

/** Stands for something that only exists when the request is sent: an id, an address, a token. */
export type Known = (name: string) => fc.Arbitrary<unknown> | undefined;

interface Context {
  readonly schemas: Schemas;
  readonly known: Known;
}

const FORMATS: Readonly<Record<string, () => fc.Arbitrary<unknown>>> = {
  uuid: () => fc.uuid(),
  email: () => fc.emailAddress(),
  'date-time': () => fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
};

function text({ format, pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<unknown> {
  const ofFormat = FORMATS[format ?? ''];
  if (ofFormat) return ofFormat();
  if (pattern) return fc.stringMatching(new RegExp(pattern));
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) });
}

function object(schema: Schema, context: Context): fc.Arbitrary<unknown> {
  const members = Object.entries(schema.properties ?? {}).map(([name, of]) => [
    name,
    context.known(name) ?? valuesOf(of, context),
  ]);
  return fc.record(Object.fromEntries(members) as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: [...(schema.required ?? [])],
  });
}

const BY_TYPE: Readonly<
  Record<string, (schema: Schema, context: Context) => fc.Arbitrary<unknown>>
> = {
  null: () => fc.constant(null),
  boolean: () => fc.boolean(),
  integer: ({ minimum = -1000, maximum = 1000 }) =>
    fc.integer({ min: minimum, max: Math.min(maximum, 2 ** 31 - 1) }),
  number: () => fc.double({ noNaN: true, noDefaultInfinity: true }),
  string: (schema) => text(schema),
  array: ({ items = {} }, context) => fc.array(valuesOf(items, context), { maxLength: 3 }),
  object,
};

export function valuesOf(schema: Schema, context: Context): fc.Arbitrary<unknown> {
  const { $ref, type, anyOf, oneOf } = schema;
  if ($ref) return valuesOf(context.schemas[$ref.split('/').at(-1) ?? ''] ?? {}, context);
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = anyOf ?? oneOf;
  if (choices) return fc.oneof(...choices.map((one) => valuesOf(one, context)));
  const types = typeof type === 'string' ? [type] : (type ?? ['string']);
  return fc.oneof(...types.map((one) => (BY_TYPE[one] ?? (() => fc.jsonValue()))(schema, context)));
}
