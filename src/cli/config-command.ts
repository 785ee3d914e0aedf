import type { Command as Program } from 'commander';
import { describeSettings, type Setting } from '../../config/describe.ts';
import type { CoreConfig } from '../../config/load.ts';
import { issuerOf } from '../http/public-url.ts';
import { type Loaded, notesOf } from '../load-settings.ts';

/** `config`: every setting, what applies and where it comes from, secrets masked. Touches no storage. */
export function addConfigCommand(program: Program, loaded: Promise<Loaded>): void {
  program
    .command('config')
    .description('print every setting, what applies and where it comes from')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { config, environment, plugins, installed } = await loaded;
      const settings = describeSettings(environment, installed, effectiveDefaults(config));
      const facts = {
        issuer: issuerOf(config.publicUrl),
        database: config.embedded ? 'embedded' : 'external',
        state_store: config.REDIS_URL === undefined ? 'postgresql' : 'redis',
        plugins: plugins.map(({ name }) => name),
        notes: notesOf(await loaded),
      };
      const text = json ? JSON.stringify({ ...facts, settings }, undefined, 2) : table(settings);
      process.stdout.write(`${text}\n`);
      if (!json) process.stdout.write(`\n${describeFacts(facts)}\n`);
    });
}

/** What applies where a default depends on other settings. */
function effectiveDefaults(config: CoreConfig): Readonly<Record<string, string>> {
  return {
    PUBLIC_URL: issuerOf(config.publicUrl),
    API_AUDIENCE: config.apiAudience,
    API_TITLE: config.apiTitle,
    DATABASE_URL: `embedded, in ${config.DATA_DIR}/postgres`,
    REDIS_URL: 'none: PostgreSQL is the state store',
    SECRET_KEY: `generated, in ${config.DATA_DIR}/secret.key`,
    MIGRATE_ON_START: String(config.mayMigrate),
  };
}

/** Aligned columns; a default that is empty shows as `-`. */
function table(settings: readonly Setting[]): string {
  const rows = settings.map(({ name, value, source }) => [name, value || '-', source] as const);
  const names = Math.max(...rows.map(([name]) => name.length));
  const values = Math.max(...rows.map(([, value]) => value.length));
  return rows
    .map(([name, value, source]) => `${name.padEnd(names)}  ${value.padEnd(values)}  ${source}`)
    .join('\n');
}

const describeFacts = (facts: Readonly<Record<string, string | readonly string[]>>): string =>
  Object.entries(facts)
    .flatMap(([name, value]) =>
      name === 'notes' ? value : `${name}: ${Array.isArray(value) ? value.join(' ') : value}`,
    )
    .join('\n');
