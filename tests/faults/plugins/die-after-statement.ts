/** Kills its process right after a named prepared statement has been executed, once a marker file says which; `name 3`: the third time. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { definePlugin } from '../../../src/kernel/plugin.ts';
import type { Database } from '../../../src/kernel/store.ts';

export const plugin = definePlugin({
  name: 'die-after-statement',
  kernel: 1,
  settings: z.object({ DIE_MARKER: z.string().describe('File that names the statement.') }),
  setup({ db, settings: { DIE_MARKER: marker } }) {
    const query = db.query.bind(db);
    let times = 0;
    const isDoomed = (statement: string): boolean => {
      const [name, count = '1'] = existsSync(marker) ? readFileSync(marker, 'utf8').split(' ') : [];
      if (name !== statement) return false;
      times += 1;
      return times === Number(count);
    };
    const dying: Database['query'] = async (statement, values, transaction) => {
      const rows = await query(statement, values, transaction);
      if (isDoomed(statement.name)) process.kill(process.pid, 'SIGKILL');
      return rows as never;
    };
    Object.assign(db, { query: dying });
    return {};
  },
});
