/** The table of migrations that ran: the one sequelize-cli keeps, so that both share one history. */
import { QueryTypes, type Sequelize } from 'sequelize';
import type { UmzugStorage } from 'umzug';

export interface MigrationHistory extends UmzugStorage {
  /** Names in order, also of migrations that this build does not have. */
  executed(): Promise<string[]>;
}

/** Reading needs no right to create tables: without the table, nothing ran yet. */
export function createMigrationHistory(orm: Sequelize, table: string): MigrationHistory {
  const quoted = orm.getQueryInterface().quoteIdentifier(table, true);
  const rows = <Row extends object>(sql: string, bind: unknown[] = []) =>
    orm.query<Row>(sql, { bind, type: QueryTypes.SELECT });

  return {
    async executed() {
      const [found] = await rows<{ there: boolean }>(
        'SELECT to_regclass($1) IS NOT NULL AS there',
        [quoted],
      );
      if (!found?.there) return [];
      const names = await rows<{ name: string }>(`SELECT name FROM ${quoted} ORDER BY name`);
      return names.map(({ name }) => name);
    },
    async logMigration({ name }) {
      await orm.query(`CREATE TABLE IF NOT EXISTS ${quoted} (name varchar(255) PRIMARY KEY)`);
      await orm.query(`INSERT INTO ${quoted} (name) VALUES ($1)`, { bind: [name] });
    },
    async unlogMigration({ name }) {
      await orm.query(`DELETE FROM ${quoted} WHERE name = $1`, { bind: [name] });
    },
  };
}
