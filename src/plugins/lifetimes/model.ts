import type { Database } from '../../kernel/store.ts';
import type { LastingSetting } from './contract.ts';

/** Seconds from one announcement to the next. */
export const ANNOUNCE = 60;
/** Seconds for which a node counts as running after its last announcement; without PostgreSQL it can give nothing away. */
const SILENT = 3600;
/** Seconds that clocks may differ. */
const SKEW = 60;

const USE = {
  name: 'lifetimes-announce',
  text: `INSERT INTO lifetimes_in_use AS known (setting, seconds, used_until)
    SELECT setting, seconds, clock_timestamp() + interval '${SILENT} seconds'
    FROM jsonb_to_recordset($1::jsonb) AS announced (setting text, seconds integer) ORDER BY setting
    ON CONFLICT (setting, seconds) DO UPDATE SET used_until = greatest(known.used_until, excluded.used_until)`,
};
const FORGET = {
  name: 'lifetimes-forget',
  text: `DELETE FROM lifetimes_in_use
    WHERE used_until + (seconds + ${SKEW}) * interval '1 second' < clock_timestamp()`,
};

/** Table `lifetimes_in_use`: seconds by setting, by PostgreSQL's clock. */
export function createLifetimeModel(db: Database) {
  return {
    /** They count from now on, and until nothing that was given meanwhile can last. */
    async announce(lifetimes: Readonly<Record<LastingSetting, number>>): Promise<void> {
      const rows = Object.entries(lifetimes).map(([setting, seconds]) => ({ setting, seconds }));
      await db.query(USE, [JSON.stringify(rows)]);
    },

    /** Deletes those that no longer count. */
    async forget(): Promise<void> {
      await db.query(FORGET, []);
    },
  };
}
