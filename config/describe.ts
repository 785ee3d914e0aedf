import type { z } from 'zod';
import type { Environment, SettingsOwner } from './load.ts';
import { coreSchema } from './schema.ts';

export interface Setting {
  readonly name: string;
  /** The plugin it belongs to, or `core`. */
  readonly owner: string;
  readonly description: string;
  readonly isSecret: boolean;
  /** As text; `default` settings show what applies without them. */
  readonly value: string;
  readonly source: 'environment' | 'file' | 'default';
}

interface Documented {
  readonly description?: string;
  readonly secret?: boolean;
}

const initialOf = (schema: z.ZodType): string => {
  const parsed = schema.safeParse(undefined);
  const value: unknown = parsed.success ? parsed.data : undefined;
  if (value === undefined || value === null) return '';
  return Array.isArray(value) ? value.join(',') : String(value);
};

/** Every setting of the core and of these plugins, secrets masked; `effective` says what applies without one, by name. */
export function describeSettings(
  environment: Environment,
  owners: readonly SettingsOwner[],
  effective: Readonly<Record<string, string>> = {},
): readonly Setting[] {
  const all = [{ name: 'core', settings: coreSchema as SettingsOwner['settings'] }, ...owners];
  const secrets = new Set(all.flatMap(({ settings }) => secretsOf(settings)));
  return all.flatMap(({ name: owner, settings }) =>
    Object.entries(settings.shape).map(([name, schema]): Setting => {
      const { description = '' } = (schema.meta() ?? {}) as Documented;
      const secret = secrets.has(name);
      const given = environment[name];
      const value = given ?? effective[name] ?? initialOf(schema);
      const shown = given !== undefined && secret ? '********' : value;
      const source = sourceOf(environment, name);
      return { name, owner, description, isSecret: secret, value: shown, source };
    }),
  );
}

/** One that two plugins read is a secret when either says so. */
const secretsOf = ({ shape }: SettingsOwner['settings']): string[] =>
  Object.keys(shape).filter((name) => (shape[name]?.meta() as Documented | undefined)?.secret);

function sourceOf(environment: Environment, name: string): Setting['source'] {
  if (environment[name] === undefined) return 'default';
  return environment[`${name}_FILE`] === undefined ? 'environment' : 'file';
}

/** The text of `.env.example`: every setting, commented out, with what it is for. */
export function exampleEnvironment(owners: readonly SettingsOwner[]): string {
  const settings = describeSettings({}, owners);
  const blocks = settings.map(({ name, description, value, isSecret }) => {
    const secret = isSecret ? ` Also as ${name}_FILE.` : '';
    return `# ${description}${secret}\n#${name}=${value}`;
  });
  const head = '# Every setting with its default. Generated: npm run env-example';
  return `${[head, ...blocks].join('\n\n')}\n`;
}
