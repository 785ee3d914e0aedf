/**
 * People, clients and superusers at two server processes, while PostgreSQL, Redis, the network and the processes
 * fail in an order that a seed decides. What they saw must hold to I1–I7. A long run:
 * `NEMESIS_SECONDS=120 npm test -- tests/faults/nemesis.test.ts`; the same faults again: `NEMESIS_SEED=<number>`.
 */
import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { checkHistory } from './nemesis/check-history.ts';
import { runNemesis } from './nemesis/run-nemesis.ts';
import { createSeededRandom } from './nemesis/seeded-random.ts';
import { type Stage, startStage } from './nemesis/stage.ts';

// biome-ignore lint/style/noProcessEnv: how long the run is, and which, whoever starts it says
const { NEMESIS_SECONDS = '5', NEMESIS_SEED = String(randomInt(2 ** 31)) } = process.env;

/** What succeeded in every run, so that no check passes for want of calls; and in long ones. */
const FEW = ['register', 'login', 'refresh cookie', 'redeem', 'count superusers', 'probe'];
const MORE = [
  ...['logout', 'change password', 'refresh client', 'introspect', 'revoke', 'me', 'userinfo'],
  ...['grant role', 'revoke role', 'read roles'],
];

describe(`nemesis (I1–I7), NEMESIS_SEED=${NEMESIS_SEED}`, function () {
  this.timeout(120_000 + Number(NEMESIS_SECONDS) * 2_000);
  let stage: Stage;

  before(async function () {
    const started = await startStage();
    if (!started) return this.skip();
    stage = started;
  });
  after(() => stage?.close());

  it('breaks no invariant', async function () {
    const lines: string[] = [];
    const wanted = Number(NEMESIS_SECONDS) < 30 ? FEW : [...FEW, ...MORE];
    const history = await runNemesis({
      stage,
      random: createSeededRandom(Number(NEMESIS_SEED)),
      duration: Number(NEMESIS_SECONDS) * 1000,
      wanted,
      log: (line) => lines.push(line),
    });
    const violations = checkHistory(history);
    const story = violations.length === 0 ? [] : [...lines, ...stage.errors(), ...violations];
    expect(violations, story.join('\n')).to.deep.equal([]);
    const { operations, faults } = history;
    expect(faults).not.to.deep.equal([]);
    const seen = new Set(
      operations.filter(({ outcome }) => outcome === 'ok').map((one) => one.kind),
    );
    expect(seen).to.include.all.keys(...wanted);
    if (this.test) this.test.title += ` (${operations.length} operations, ${faults.length} faults)`;
  });
});
