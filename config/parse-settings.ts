import type { z } from 'zod';

/** What zod calls a fault, in the words of whoever wrote the setting; undefined: zod's own. */
function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'is missing';
  if (issue.code === 'invalid_type' && ['number', 'int'].includes(issue.expected)) {
    return 'must be a whole number';
  }
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  if (issue.code === 'too_small' && issue.origin === 'number') {
    return `must be at least ${issue.minimum}`;
  }
  if (issue.code === 'too_big' && issue.origin === 'number') {
    return `must be at most ${issue.maximum}`;
  }
  return undefined;
}

export interface ParsedSettings {
  /** Those without a fault, by name. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly faults: readonly string[];
}

/** Faults begin with the setting's name; those of the whole begin with `owner`. Other names are ignored. */
export function parseSettings(
  schema: z.ZodObject,
  environment: Readonly<Record<string, string>>,
  owner: string,
): ParsedSettings {
  const parsed = schema.safeParse(environment, { error: describeIssue });
  if (parsed.success) return { values: parsed.data, faults: [] };
  const { issues } = parsed.error;
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(schema.shape)) {
    const alone = (setting as z.ZodType).safeParse(environment[name]);
    if (alone.success) values[name] = alone.data;
  }
  return {
    values,
    faults: issues.map(({ path: [name = owner, ...member], message }) =>
      [`${String(name)}:`, ...(member.length > 0 ? [member.join('.')] : []), message].join(' '),
    ),
  };
}
