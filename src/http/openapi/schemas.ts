import { z } from 'zod';

export type JsonSchema = { readonly [keyword: string]: unknown };

/** Turns zod schemas into JSON Schema (2020-12) and gathers those that have an id. */
export interface SchemaBook {
  /** What callers send: unknown members as the schema says. */
  input(schema: z.ZodType): JsonSchema;
  /** What we send: no member that the schema does not name. */
  output(schema: z.ZodType): JsonSchema;
  /** Of `#/components/schemas`, by id. */
  readonly components: Readonly<Record<string, JsonSchema>>;
}

const DEFINITIONS = '#/$defs/';
const COMPONENTS = '#/components/schemas/';

function withComponentRefs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withComponentRefs);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === '$ref' ? String(item).replace(DEFINITIONS, COMPONENTS) : withComponentRefs(item),
    ]),
  );
}

export function createSchemaBook(): SchemaBook {
  const components: Record<string, JsonSchema> = {};

  const convert = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema => {
    const {
      $schema: _,
      $defs = {},
      ...json
    } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
    for (const [id, definition] of Object.entries($defs)) {
      components[id] = withComponentRefs(definition) as JsonSchema;
    }
    return withComponentRefs(json) as JsonSchema;
  };

  return {
    input: (schema) => convert(schema, 'input'),
    output: (schema) => convert(schema, 'output'),
    components,
  };
}
