/** The roles in a token: one statement, however many users there are. */
import pg from 'pg';
import { cookieRefreshWorkers } from '../stage/our-server.ts';
import type { Stage } from '../stage/stage.ts';
import { spreadOf } from '../statistics.ts';
import { callsDuring, type StoreCalls } from './metrics.ts';
import type { Row } from './row.ts';

const FEW = 1_000;
const REFRESHES = 300;
const ROLES = ['auditor', 'editor', 'reader'];
/** A statement that is as fast as the noise allows may seem slower by so much. */
const SAME = 1.5;

const ADD_ROLES = `INSERT INTO roles (id, name, created_at, updated_at)
  SELECT gen_random_uuid(), name, now(), now() FROM unnest($1::text[]) AS name ON CONFLICT DO NOTHING`;
const ADD_USERS = `INSERT INTO users (id, email, email_canonical, created_at, updated_at)
  SELECT gen_random_uuid(), mail, mail, now(), now()
  FROM (SELECT 'filler-' || n || '@example.com' AS mail FROM generate_series(1, $1::int) n) AS fillers
  ON CONFLICT DO NOTHING`;
/** Everybody has them, those who refresh too. */
const GIVE_ROLES = `INSERT INTO user_roles (user_id, role_id, created_at)
  SELECT users.id, roles.id, now() FROM users CROSS JOIN roles WHERE roles.name = ANY($1)
  ON CONFLICT DO NOTHING`;

async function fill(database: pg.Client, users: number): Promise<void> {
  await database.query(ADD_ROLES, [ROLES]);
  await database.query(ADD_USERS, [users]);
  await database.query(GIVE_ROLES, [ROLES]);
  await database.query('VACUUM ANALYZE users, user_roles, roles');
}

/** What `REFRESHES` refreshes, one after another, asked of the table of roles. */
async function roleStatements({ ours }: Stage): Promise<StoreCalls> {
  const [refresh] = await cookieRefreshWorkers(ours, 1);
  const calls = await callsDuring(ours.http, async () => {
    for (let n = 0; n < REFRESHES; n += 1) await refresh?.();
  });
  return calls.get('postgresql roles-claims') ?? { count: 0, seconds: 0 };
}

async function measure(stage: Stage, rounds: number) {
  const samples: StoreCalls[] = [];
  for (let round = 0; round < rounds; round += 1) samples.push(await roleStatements(stage));
  return {
    perToken: spreadOf(samples.map(({ count }) => count / REFRESHES)).max,
    micros: spreadOf(samples.map(({ count, seconds }) => (seconds / count) * 1e6)).median,
  };
}

export const roles: Row = {
  name: 'roles',
  async run(stage) {
    const { options, databaseUrl } = stage;
    const database = new pg.Client({ connectionString: databaseUrl });
    await database.connect();
    try {
      await fill(database, FEW);
      const few = await measure(stage, options.rounds);
      await fill(database, options.users);
      const many = await measure(stage, options.rounds);
      const value = `${many.perToken} statement; ${few.micros.toFixed(0)} µs with ${FEW} users, ${many.micros.toFixed(0)} µs with ${options.users}`;
      const reached = many.perToken === 1 && many.micros / few.micros < SAME;
      return [
        { kind: 'fact', work: 'roles of a token', target: '1 statement, the same', value, reached },
      ];
    } finally {
      await database.end();
    }
  },
};
