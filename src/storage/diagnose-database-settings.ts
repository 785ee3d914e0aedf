/** What is set so that it works, and costs something on a bad day: for `authsrv doctor`. */
import { broken, type Diagnosis, type Finding, warning } from '../kernel/plugin.ts';
import type { Database } from '../kernel/store.ts';
import type { DatabaseConnection } from './connection-settings.ts';
import { parseDatabaseUrl } from './database-url.ts';

const SETTINGS = {
  name: 'diagnosis-settings',
  text: `SELECT current_setting('fsync')::bool AS fsync, current_setting('full_page_writes')::bool AS pages,
    has_schema_privilege(current_schema(), 'CREATE') AS may_create, current_schema() AS schema,
    ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace
      AND relkind IN ('r', 'p') AND relrowsecurity AND row_security_active(pg_class.oid) ORDER BY 1) AS hidden`,
};

interface Settings {
  readonly fsync: boolean;
  readonly pages: boolean;
  /** Whether tables can be made: migrations do, and each month the login history. */
  readonly may_create: boolean;
  readonly schema: string;
  /** Tables of which this role sees only what row security lets through. */
  readonly hidden: readonly string[];
}

/** `database_settings`: durability, rights, row security, parameters of the URL that mean nothing. */
export const diagnoseDatabaseSettings = (
  db: Database,
  connection: DatabaseConnection,
): Diagnosis => ({
  name: 'database_settings',
  async check() {
    const [settings] = await db.query<Settings>(SETTINGS, []);
    return [...(settings ? judgeSettings(settings) : []), ...judgeAddress(connection)];
  },
});

export function judgeSettings({ fsync, pages, may_create, schema, hidden }: Settings): Finding[] {
  const findings: Finding[] = [];
  if (!fsync) {
    const problem = 'fsync is off: a power cut may destroy the database.';
    findings.push(warning(problem, 'Set fsync = on in postgresql.conf.'));
  }
  if (fsync && !pages) {
    const problem = 'full_page_writes is off: a power cut may tear pages.';
    findings.push(warning(problem, 'Set it on, unless the file system writes whole pages (ZFS).'));
  }
  if (!may_create) {
    const problem = `The role may make no tables in the schema ${schema}: no migration runs, and no partition of the login history is made.`;
    findings.push(broken(problem, `GRANT CREATE ON SCHEMA "${schema}" to it, as the owner.`));
  }
  if (hidden.length > 0) {
    const problem = `Row security hides rows of ${hidden.join(', ')}: what was revoked may be among them.`;
    findings.push(
      broken(problem, 'Make the role the owner of these tables, or give it BYPASSRLS.'),
    );
  }
  return findings;
}

function judgeAddress(connection: DatabaseConnection): Finding[] {
  if (!('connectionString' in connection)) return [];
  const { ignored } = parseDatabaseUrl(connection.connectionString);
  if (ignored.length === 0) return [];
  const problem = `DATABASE_URL has parameters that mean nothing here: ${ignored.join(', ')}.`;
  return [warning(problem, 'Take them out; docs/operations.md lists those that count.')];
}
