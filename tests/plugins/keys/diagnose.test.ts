import { expect } from 'chai';
import type { Finding } from '../../../src/kernel/plugin.ts';
import { keys } from '../../../src/plugins/keys/index.ts';
import { systemClock } from '../../../src/system.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createPluginContext } from '../plugin-context.ts';
import { createMessages } from './messages.ts';

const DAY = 86_400;
const [ONE, TWO] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

describe('diagnosis of signing keys', () => {
  let test: TestDatabase;
  beforeEach(async () => {
    test = await createTestDatabase();
  });
  afterEach(() => test.drop());

  const plugin = (secrets: [Buffer, ...Buffer[]] = [ONE], KEY_ROTATION = 90 * DAY) => {
    const given = { db: test.database, store: createMessages(), secrets };
    const { context } = createPluginContext(given);
    return keys.setup({ ...context, clock: systemClock, settings: { KEY_ROTATION } });
  };
  const texts = (findings: readonly Finding[] = []) =>
    findings.map(({ severity, problem }) => `${severity}: ${problem}`);
  const diagnose = async (name: string, added = plugin()) =>
    texts(await added.diagnoses?.find((one) => one.name === name)?.check());
  const start = async (added = plugin()) => {
    await added.start?.();
    await added.stop?.();
    return added;
  };
  const sql = (text: string) => test.database.orm.query(text);

  it('finds nothing wrong after a start, and writes nothing before one', async () => {
    expect(await diagnose('signing_keys')).to.deep.equal(['warning: No signing key is stored.']);
    expect(await diagnose('key_rotation')).to.deep.equal([]);
    await start();
    expect(await diagnose('signing_keys')).to.deep.equal([]);
    expect(await diagnose('key_rotation')).to.deep.equal([]);
  });

  it('finds an algorithm without a key', async () => {
    await start();
    await sql(`DELETE FROM signing_keys WHERE alg = 'RS256'`);
    expect(await diagnose('signing_keys')).to.deep.equal([
      'broken: There is no signing key for RS256.',
    ]);
  });

  it('finds a SECRET_KEY that opens none', async () => {
    await start();
    expect(await diagnose('signing_keys', plugin([TWO]))).to.deep.equal([
      'broken: SECRET_KEY does not decrypt 2 of 2 signing keys: no node can start with it.',
    ]);
  });

  it('finds keys under a former SECRET_KEY, and leaves them so', async () => {
    await start();
    const expected = [
      'warning: 2 signing keys are still encrypted with a former key of SECRET_KEY.',
    ];
    for (let turn = 0; turn < 2; turn += 1) {
      expect(await diagnose('key_rotation', plugin([TWO, ONE]))).to.deep.equal(expected);
    }
    expect(await diagnose('signing_keys', plugin([TWO, ONE]))).to.deep.equal([]);
  });

  it('finds a key that should have been replaced', async () => {
    await start();
    await sql(`UPDATE signing_keys SET created_at = now() - interval '90 days 12 hours'`);
    expect(await diagnose('key_rotation')).to.deep.equal([]);
    await sql(`UPDATE signing_keys SET created_at = now() - interval '92 days'`);
    expect(await diagnose('key_rotation')).to.deep.equal([
      'warning: A signing key is 92 days old; it should have been replaced after 90.',
    ]);
    await sql(`UPDATE signing_keys SET created_at = now() - interval '400 days'`);
    expect(await diagnose('key_rotation', plugin([ONE], 0))).to.deep.equal([
      'warning: A signing key is 400 days old, and KEY_ROTATION=0 replaces none.',
    ]);
  });

  it('a node that has its keys stays ready whatever becomes of the table', async () => {
    const running = await start();
    await sql('DELETE FROM signing_keys');
    expect(await diagnose('signing_keys', running)).to.deep.equal([]);
  });
});
