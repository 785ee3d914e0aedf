/** Version N+1 takes over from N while people go on: the migration, both side by side, back again (I5). */
import path from 'node:path';
import { expect } from 'chai';
import { meAt, refreshAt, tokensOf } from '../support/cookie-api.ts';
import { eventually } from '../support/eventually.ts';
import { query } from '../support/known-user.ts';
import { type Nodes, startNodes } from '../support/nodes.ts';
import { createUser, login, PASSWORD } from '../support/people.ts';
import { codeOf, createRelyingParty, type RelyingParty } from '../support/relying-party.ts';
import { runCommand, type ServerProcess } from '../support/server-process.ts';
import { storeKinds } from '../support/test-app.ts';

const NEXT = { PLUGINS: path.join(import.meta.dirname, 'plugins/next-version.ts') };
const PEOPLE = 3;
/** How many must get through at each stage of the upgrade. */
const CALLS = 30;

describe('an upgrade under traffic (I5)', function () {
  this.timeout(240_000);
  let nodes: Nodes;
  let rp: RelyingParty;
  /** Who takes requests at this moment. */
  let serving: ServerProcess[];

  before(async () => {
    nodes = await startNodes(storeKinds.at(-1) ?? 'postgres');
    rp = await createRelyingParty(nodes.local);
    serving = [...nodes.processes];
  });
  after(() => nodes?.stop());

  const visitors = new Map<ServerProcess, number>();
  let turn = 0;

  /** At whichever node is next; it is not stopped before the visit has ended. */
  const visit = async <Result>(work: (node: ServerProcess) => Promise<Result>): Promise<Result> => {
    turn += 1;
    const node = serving[turn % serving.length] as ServerProcess;
    const count = (change: number) => visitors.set(node, (visitors.get(node) ?? 0) + change);
    count(1);
    try {
      return await work(node);
    } finally {
      count(-1);
    }
  };

  const expectStatus = async (
    call: (node: ServerProcess) => Promise<{ readonly status: number }>,
    status: number,
  ): Promise<void> => void expect((await visit(call)).status).to.equal(status);

  /** All that a person does, in one browser, with calls to other nodes between. */
  async function live(home: ServerProcess): Promise<void> {
    const user = await createUser(nodes.local);
    const browser = home.browser();
    let cookies = tokensOf(await login(browser, user));
    const code = codeOf(await rp.authorize(browser));
    const { body } = await visit((node) => rp.redeem(code, {}, node));
    for (let round = 0; round < 3; round += 1) {
      const { refresh } = cookies;
      cookies = tokensOf(await visit((node) => refreshAt(node, refresh)));
      await expectStatus((node) => meAt(node, cookies.access), 200);
    }
    await expectStatus((node) => rp.refresh(body.refresh_token ?? '', {}, node), 200);
    await expectStatus(() => browser.request('/auth/logout', { method: 'POST' }), 204);
  }

  /** Resolves when people have called so often again. */
  const traffic = async (calls: number): Promise<void> => {
    const until = turn + calls;
    await eventually(() => turn >= until, 60_000);
  };

  async function use(name: string, stop: AbortSignal): Promise<void> {
    for (let count = 1; !stop.aborted; count += 1) {
      const json = { email: `${name}-${count}@example.com`, password: PASSWORD };
      await expectStatus((node) => node.browser().request('/auth/register', { json }), 201);
      await visit(live);
    }
  }

  /** No new visit goes there, those under way end, then it stops. */
  const retire = async (node: ServerProcess): Promise<void> => {
    serving = serving.filter((one) => one !== node);
    await eventually(() => visitors.get(node) === 0, 60_000);
    expect(await node.stop()).to.equal(0);
  };

  it('no request fails during the migration, beside the new version, and after it', async function () {
    const stop = new AbortController();
    const names = Array.from({ length: PEOPLE }, (_, index) => `person-${index}`);
    const people = Promise.all(names.map((name) => use(name, stop.signal)));
    const upgrade = async (): Promise<void> => {
      const [one] = nodes.processes;
      const DATABASE_URL = nodes.local.database.url;
      await runCommand(['migrate', 'up'], { ...NEXT, DATABASE_URL });
      await traffic(CALLS);
      const next = await nodes.start(NEXT);
      serving = [...serving, next];
      await traffic(CALLS);
      await retire(one);
      // A node of version N that starts again knows nothing of a migration in its own history, and does not mind.
      await query(
        nodes.local,
        `INSERT INTO "SequelizeMeta" (name) VALUES ('20990101000000-of-the-next-version.js')`,
      );
      serving = [...serving, await nodes.start()];
      await traffic(CALLS);
      await runCommand(['migrate', 'down', '--plugin', 'next-version'], { ...NEXT, DATABASE_URL });
      await traffic(CALLS);
    };
    // A request that fails ends the test at once.
    await Promise.race([upgrade(), people]).finally(() => stop.abort());
    await people;
    if (this.test) this.test.title += ` (${turn} calls)`;
  });
});
