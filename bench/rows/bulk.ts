/** What ends much at once, in its full size: how long it takes, and what it does to sign-ins of those whom it concerns. */
import { setTimeout as delay } from 'node:timers/promises';
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts';
import { above, addGrants, addHolders, addSessions } from '../../tests/support/bulk.ts';
import { silentLog } from '../../tests/support/log.ts';
import { runCommand } from '../../tests/support/server-process.ts';
import { type Load, runFixedRate } from '../load/generate-load.ts';
import { cookieHeader } from '../stage/oidc-server.ts';
import { loginWorkers } from '../stage/our-server.ts';
import type { Stage } from '../stage/stage.ts';
import { quantile } from '../statistics.ts';
import type { Row } from './row.ts';

/** Sign-ins a second: few enough that hashes do not wait for each other. */
const RATE = 3;
/** Seconds of sign-ins without the work. */
const CALM = 20;
/** The people of the stage who sign in; the first is a superuser. */
const PEOPLE = 8;

/** One table row: `prepare` makes the data and resolves to the work, which resolves to what it was told. */
interface Work {
  readonly name: string;
  readonly what: string;
  readonly prepare: (scene: Scene) => Promise<() => Promise<string>>;
}

interface Scene {
  readonly stage: Stage;
  readonly db: OpenDatabase;
  /** Ids of the people who sign in meanwhile. */
  readonly people: readonly string[];
}

const PEOPLE_IDS = {
  name: 'bench-people',
  text: `SELECT id FROM users WHERE email LIKE 'person-%' ORDER BY length(email), email LIMIT $1`,
};
const GIVE = {
  name: 'bench-give',
  text: `INSERT INTO user_roles (user_id, role_id, created_at)
    SELECT id, $2, now() FROM unnest($1::uuid[]) AS id ON CONFLICT DO NOTHING`,
};
const ROLE = {
  name: 'bench-role',
  text: `INSERT INTO roles (id, name, created_at, updated_at) VALUES (gen_random_uuid(), $1, now(), now())
    ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id`,
};
const GRANTS_OF_PEOPLE = {
  name: 'bench-grants',
  text: `INSERT INTO grants (id, user_id, client_id, payload, offline, created_at, expires_at)
    SELECT 'people-' || id, id, $2, '{"openid":{"scope":"openid offline_access"}}', true, now(), now() + interval '1 day'
    FROM unnest($1::uuid[]) AS id`,
};

async function roleNamed(db: OpenDatabase, name: string): Promise<string> {
  const [row] = await db.query<{ id: string }>(ROLE, [name]);
  return row?.id ?? '';
}

/** Milliseconds between two requests for what goes on. */
const PAUSE = 100;

/** `DELETE` as a superuser, until it is not under way any more; resolves to the statuses. */
async function remover({ stage, db, people }: Scene): Promise<(path: string) => Promise<string>> {
  await db.query(GIVE, [people.slice(0, 1), await roleNamed(db, 'superuser')]);
  const cookies = await stage.ours.signIn(0);
  const headers = { cookie: cookieHeader(cookies), origin: stage.ours.issuer };
  return async (path) => {
    const told: number[] = [];
    for (;;) {
      const answer = await fetch(`${stage.ours.issuer}${path}`, { method: 'DELETE', headers });
      await answer.body?.cancel();
      told.push(answer.status);
      if (answer.status !== 202) return told.join(', ');
      await delay(PAUSE);
    }
  };
}

const HOLDERS = 100_000;
const GRANTS = 300_000;
const SESSIONS = 10_000;

const works: readonly Work[] = [
  {
    name: 'bulk-role',
    what: `DELETE /roles/:id, ${HOLDERS} holders`,
    async prepare(scene) {
      const { db, people } = scene;
      const roleId = await roleNamed(db, 'bulk');
      // Not the superuser, whose token would be stale with the first batch.
      const holders = people.slice(1);
      await addHolders(db, { count: HOLDERS - holders.length, ids: above(1), roleId });
      await db.query(GIVE, [holders, roleId]);
      const remove = await remover(scene);
      return () => remove(`/roles/${roleId}`);
    },
  },
  {
    name: 'bulk-client',
    what: `authsrv client delete, ${GRANTS} live grants`,
    async prepare({ stage, db, people }) {
      const users = 10_000;
      const settings = {
        DATABASE_URL: stage.databaseUrl,
        REDIS_URL: stage.redisUrl,
        NODE_ENV: 'production',
      };
      const text = await runCommand(
        [
          ...['client', 'create', '--json', '--name', 'Bulk'],
          ...['--redirect-uri', 'https://bulk.example/'],
        ],
        settings,
      );
      const { client_id: clientId } = JSON.parse(text) as { client_id: string };
      await addHolders(db, { count: users, ids: above(2) });
      await addGrants(db, { count: GRANTS - people.length, clientId, users, ids: above(2) });
      await db.query(GRANTS_OF_PEOPLE, [people, clientId]);
      return () => runCommand(['client', 'delete', clientId], settings).then(() => 'done');
    },
  },
  {
    name: 'bulk-user',
    what: `DELETE /users/:id, ${SESSIONS} sessions`,
    async prepare(scene) {
      const { db, stage } = scene;
      await addHolders(db, { count: 1, ids: above(3) });
      const userId = `${above(3)}-4000-8000-000000000001`;
      await addSessions(db, { count: SESSIONS, userId, clientId: stage.ours.web.id });
      const remove = await remover(scene);
      return () => remove(`/users/${userId}`);
    },
  },
];

/** Milliseconds. */
interface SignIns {
  readonly median: number;
  readonly p99: number;
}

const takenFrom = (load: Load): SignIns => {
  const { latencies } = load.take();
  return { median: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
};

async function measure(scene: Scene, work: () => Promise<string>) {
  const { ours } = scene.stage;
  const load = runFixedRate(loginWorkers(ours, PEOPLE), RATE);
  await delay(2_000);
  load.take();
  await delay(CALM * 1_000);
  const without = takenFrom(load);
  const begun = performance.now();
  const outcome = await work();
  const seconds = (performance.now() - begun) / 1_000;
  const during = takenFrom(load);
  await load.stop();
  return { without, during, seconds, outcome };
}

const toRow = ({ name, what, prepare }: Work): Row => ({
  name,
  group: 'bulk',
  async run(stage) {
    const db = openDatabase({
      connection: { connectionString: stage.databaseUrl },
      poolSize: 2,
      log: silentLog,
      statementTimeout: 0,
    });
    try {
      const rows = await db.query<{ id: string }>(PEOPLE_IDS, [PEOPLE]);
      const scene = { stage, db, people: rows.map(({ id }) => id) };
      const work = await prepare(scene);
      await db.orm.query('VACUUM ANALYZE');
      const { without, during, seconds, outcome } = await measure(scene, work);
      const compared = (name: keyof SignIns): string =>
        `${name} ${during[name].toFixed(0)} ms during, ${without[name].toFixed(0)} ms without: ${(during[name] / without[name]).toFixed(2)}`;
      const value = `${outcome} after ${seconds.toFixed(1)} s; sign-in ${compared('p99')}; ${compared('median')}`;
      return [{ kind: 'fact', work: what, target: '', value, reached: undefined }];
    } finally {
      await db.close();
    }
  },
});

/** Minutes each: they run only when asked for. */
export const bulk: readonly Row[] = works.map(toRow);
