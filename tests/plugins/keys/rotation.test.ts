import { expect } from 'chai';
import { keyCommands } from '../../../src/plugins/keys/cli.ts';
import { type KeyInfo, Keys } from '../../../src/plugins/keys/contract.ts';
import { keys } from '../../../src/plugins/keys/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { createPluginContext, findService, runCommand } from '../plugin-context.ts';
import { createMessages } from './messages.ts';

const DAY = 86_400;
/** Of JWKS_MAX_AGE=300: one cache time and two turns of 30 s. */
const AHEAD = 360;

const AGE = {
  name: 'test-age-keys',
  text: `UPDATE signing_keys SET created_at = created_at - make_interval(secs => $1),
    retired_at = retired_at - make_interval(secs => $1)`,
};

describe('rotation of signing keys', () => {
  let test: TestDatabase;
  beforeEach(async () => {
    test = await createTestDatabase({ poolSize: 8 });
  });
  afterEach(() => test.drop());

  const pass = (seconds: number) => test.database.query(AGE, [seconds]);

  const node = async (store = createMessages(), KEY_ROTATION = 90 * DAY) => {
    const { context, log } = createPluginContext({ db: test.database, store });
    const {
      start,
      stop,
      tasks = [],
      provides = [],
    } = keys.setup({
      ...context,
      settings: { KEY_ROTATION },
    });
    const service = findService(provides, Keys);
    await start?.();
    let changes = 0;
    service.subscribe(() => {
      changes += 1;
    });
    const signing = async () => {
      const [first] = await service.current();
      return first?.kid;
    };
    const published = async () => (await service.current()).map(({ kid }) => kid ?? '');
    return {
      service,
      provides,
      log,
      tend: async () => tasks[0]?.run(),
      stop: async () => stop?.(),
      signing,
      published,
      changes: () => changes,
    };
  };

  const staged = (infos: readonly KeyInfo[]) =>
    infos.filter(({ alg }) => alg === 'ES256').map(({ status }) => status);

  it('does nothing before its time', async () => {
    const one = await node();
    await pass(90 * DAY - AHEAD - 10);
    await one.tend();
    expect(staged(await one.service.list())).to.deep.equal(['current']);
    expect(one.changes()).to.equal(0);
  });

  it('publishes the next key one cache time before it signs, and keeps the former for verifying', async () => {
    const one = await node();
    const former = await one.signing();
    await pass(90 * DAY - AHEAD);
    await one.tend();
    expect(staged(await one.service.list())).to.deep.equal(['current', 'next']);
    expect(await one.signing()).to.equal(former);
    expect(await one.published()).to.have.length(4);

    await pass(AHEAD - 5);
    await one.tend();
    expect(await one.signing(), 'not yet').to.equal(former);

    await pass(5);
    await one.tend();
    expect(staged(await one.service.list())).to.deep.equal(['current', 'retired']);
    expect(await one.signing()).not.to.equal(former);
    expect(await one.published()).to.include(former);
    expect(one.changes()).to.equal(2);
  });

  it('drops a retired key when no token of its can be about: after a session’s longest life', async () => {
    const one = await node();
    const former = await one.signing();
    await one.service.rotate();
    await pass(AHEAD);
    await one.tend();
    await pass(90 * DAY);
    await one.tend();
    expect(await one.published()).to.include(former);
    await pass(61);
    await one.tend();
    expect(await one.published()).not.to.include(former);
  });

  const inUse = (setting: string, seconds: number) =>
    test.database.query(
      {
        name: 'test-lifetime-in-use',
        text: `INSERT INTO lifetimes_in_use VALUES ($1, $2, clock_timestamp() + interval '1 hour')`,
      },
      [setting, seconds],
    );

  it('C5 keeps a retired key as long as access tokens of a former, longer lifetime can be about', async () => {
    await inUse('ACCESS_TOKEN_TTL', 120 * DAY);
    const one = await node();
    const former = await one.signing();
    await one.service.rotate();
    await pass(AHEAD);
    await one.tend();
    await pass(120 * DAY);
    await one.tend();
    expect(await one.published()).to.include(former);
    await pass(61);
    await one.tend();
    expect(await one.published()).not.to.include(former);
  });

  it('C5 publishes the next key for as long as clients keep JWKS that were sent under a longer JWKS_MAX_AGE', async () => {
    await inUse('JWKS_MAX_AGE', 3_600);
    const one = await node();
    const former = await one.signing();
    await one.service.rotate();
    await pass(3_600 + 55);
    await one.tend();
    expect(await one.signing(), 'not yet').to.equal(former);
    await pass(5);
    await one.tend();
    expect(await one.signing()).not.to.equal(former);
  });

  it('never rotates by itself with KEY_ROTATION=0', async () => {
    const one = await node(createMessages(), 0);
    await pass(3650 * DAY);
    await one.tend();
    expect(staged(await one.service.list())).to.deep.equal(['current']);
  });

  it('is one for all nodes: eight that tend at once make one key and promote one', async () => {
    const store = createMessages();
    const nodes = await Promise.all(Array.from({ length: 8 }, () => node(store)));
    await pass(90 * DAY);
    await Promise.all(nodes.map(({ tend }) => tend()));
    expect(staged(await (nodes[0] as (typeof nodes)[0]).service.list())).to.deep.equal([
      'current',
      'next',
    ]);
    await pass(AHEAD);
    await Promise.all(nodes.map(({ tend }) => tend()));
    const signing = await Promise.all(nodes.map((one) => one.signing()));
    expect(new Set(signing)).to.have.property('size', 1);
    expect(staged(await (nodes[0] as (typeof nodes)[0]).service.list())).to.deep.equal([
      'current',
      'retired',
    ]);
  });

  it('reaches other nodes at once, by message, and one that missed it with its next turn', async () => {
    const store = createMessages();
    const [one, other, deaf] = [await node(store), await node(store), await node()];
    await one.service.rotate();
    await eventually(async () => expect(await other.published()).to.have.length(4));
    expect(await deaf.published()).to.have.length(2);
    await deaf.tend();
    expect(await deaf.published()).to.have.length(4);
  });

  it('keeps the keys it has when the table is empty all of a sudden, and says so', async () => {
    const one = await node();
    const before = await one.published();
    await test.database.query({ name: 'test-clear', text: 'DELETE FROM signing_keys' }, []);
    const failed = await one.tend().catch((error: Error) => error.message);
    expect(failed).to.include('no signing key');
    expect(await one.published()).to.deep.equal(before);
  });

  it('does not add a second next key', async () => {
    const one = await node();
    await one.service.rotate();
    await one.service.rotate();
    expect(staged(await one.service.list())).to.deep.equal(['current', 'next']);
  });

  it('goes on when the message cannot be sent', async () => {
    const broken = { ...createMessages(), publish: () => Promise.reject(new Error('gone')) };
    const one = await node({
      ...createMessages(),
      ...broken,
      subscribe: async () => async () => undefined,
    });
    await one.service.rotate();
    const events = one.log.entries.map(({ fields }) => (fields as { event: string }).event);
    expect(events).to.include('signing_key.publish_failed');
    await one.tend();
    expect(await one.published()).to.have.length(4);
  });

  it('a compromised key is withdrawn at once, next and retired ones with it', async () => {
    const one = await node();
    await one.service.rotate();
    await pass(AHEAD);
    await one.tend();
    await one.service.rotate();
    const before = await one.published();
    await one.service.replaceCompromised();
    await one.tend();
    const after = await one.published();
    expect(after).to.have.length(2);
    expect(before.filter((kid) => after.includes(kid))).to.deep.equal([]);
  });

  it('authsrv keys rotate says what there is then', async () => {
    const one = await node();
    const rotate = (options: object) =>
      runCommand(
        keyCommands,
        { name: 'keys rotate', options: { json: true, ...options } },
        one.provides,
      );
    const { text } = await rotate({});
    const stages = (JSON.parse(text) as { status: string }[]).map(({ status }) => status);
    expect(stages).to.deep.equal(['current', 'next', 'current', 'next']);
    const replaced = JSON.parse((await rotate({ compromised: true })).text) as object[];
    expect(replaced).to.have.length(2);
  });
});
