import { expect } from 'chai';
import { calculateJwkThumbprint, compactVerify, importJWK, SignJWT } from 'jose';
import { keyCommands } from '../../../src/plugins/keys/cli.ts';
import { Keys } from '../../../src/plugins/keys/contract.ts';
import {
  generateSigningKey,
  type SigningAlg,
} from '../../../src/plugins/keys/generate-signing-key.ts';
import { keys } from '../../../src/plugins/keys/index.ts';
import { createKeyCipher } from '../../../src/plugins/keys/key-cipher.ts';
import { createKeyModel } from '../../../src/plugins/keys/model.ts';
import { createKeyService } from '../../../src/plugins/keys/service.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { silentLog } from '../../support/log.ts';
import { createPluginContext, findService, runCommand, testRandom } from '../plugin-context.ts';
import { createMessages } from './messages.ts';

const FORMER = Buffer.alloc(32, 1);
const NEW = Buffer.alloc(32, 2);
const ROWS = { name: 'test-rows', text: 'SELECT * FROM signing_keys ORDER BY alg, created_at' };

describe('keys', () => {
  let test: TestDatabase;

  beforeEach(async () => {
    test = await createTestDatabase({ poolSize: 8 });
  });
  afterEach(() => test.drop());

  const setUp = (secrets: readonly [Buffer, ...Buffer[]] = [FORMER]) => {
    const { context, log } = createPluginContext({
      db: test.database,
      secrets,
      store: createMessages(),
    });
    const { start, provides = [] } = keys.setup({ ...context, settings: { KEY_ROTATION: 0 } });
    const service = findService(provides, Keys);
    return { service, provides, log, start: async () => start?.() };
  };
  const rows = () => test.database.query<Record<string, string>>(ROWS, []);

  it('makes an ES256 and an RS256 key at the first start, named by their thumbprints', async () => {
    const { service, start } = setUp();
    await start();
    const made = await service.current();
    expect(made.map(({ alg }) => alg)).to.deep.equal(['ES256', 'RS256']);
    const [ec, rsa] = made;
    expect(ec).to.include({ kty: 'EC', crv: 'P-256', use: 'sig' });
    expect(rsa).to.include({ kty: 'RSA', use: 'sig' });
    expect(Buffer.from(rsa?.n ?? '', 'base64url')).to.have.length(256);
    for (const jwk of made) {
      const { kty = '', crv, x, y, n, e } = jwk;
      const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value);
      expect(await calculateJwkThumbprint({ kty, ...Object.fromEntries(members) })).to.equal(
        jwk.kid,
      );
      const key = await importJWK({ ...jwk, kty } as Parameters<typeof importJWK>[0], jwk.alg);
      const token = await new SignJWT({}).setProtectedHeader({ alg: jwk.alg ?? '' }).sign(key);
      const publicKey = await importJWK(Object.fromEntries(members) as { kty: string }, jwk.alg);
      expect((await compactVerify(token, publicKey)).protectedHeader.alg).to.equal(jwk.alg);
    }
  });

  it('keeps them over a restart, and answers from memory', async () => {
    const first = setUp();
    await first.start();
    const second = setUp();
    await second.start();
    const kids = async ({ service }: typeof first) =>
      (await service.current()).map(({ kid }) => kid);
    expect(await kids(second)).to.deep.equal(await kids(first));
    await test.database.query({ name: 'test-clear', text: 'DELETE FROM signing_keys' }, []);
    expect(await second.service.current()).to.have.length(2);
  });

  it('ends with one key of each algorithm when eight processes start at once', async () => {
    const nodes = Array.from({ length: 8 }, () => setUp());
    await Promise.all(nodes.map(({ start }) => start()));
    const answers = await Promise.all(nodes.map(({ service }) => service.current()));
    const kids = answers.map((jwks) => jwks.map(({ kid }) => kid).join(' '));
    expect(new Set(kids)).to.have.property('size', 1);
    expect(await rows()).to.have.length(2);
  });

  it('makes no key whose algorithm has one', async () => {
    await setUp().start();
    const made: SigningAlg[] = [];
    const service = createKeyService({
      keys: createKeyModel(test.database),
      cipher: createKeyCipher([FORMER], testRandom),
      generate: async (alg) => {
        made.push(alg);
        return generateSigningKey(alg);
      },
      store: createMessages(),
      times: { period: 0, cached: 240, publishAhead: 300, retention: 600, tokens: 600 },
      log: silentLog,
    });
    await service.start();
    expect(made).to.deep.equal([]);
    await test.database.query(
      {
        name: 'test-retire',
        text: "UPDATE signing_keys SET status = 'retired' WHERE alg = 'ES256'",
      },
      [],
    );
    await service.start();
    expect(made).to.deep.equal(['ES256']);
    const es256 = (await service.current()).filter(({ alg }) => alg === 'ES256');
    expect(es256, 'the former key still verifies').to.have.length(2);
    const current = (await rows()).find(
      ({ alg, status }) => alg === 'ES256' && status === 'current',
    );
    expect(es256[0]?.kid, 'the signing one first').to.equal(current?.['kid']);
  });

  it('stores no private member in clear (SEC-43)', async () => {
    const { service, start } = setUp();
    await start();
    const stored = JSON.stringify(await rows());
    for (const { d, p } of await service.current()) {
      expect(stored).to.not.include(d);
      if (p) expect(stored).to.not.include(p);
    }
    expect(stored).to.not.include('"d"');
  });

  it('refuses to start, with a line about SECRET_KEY, when it was changed (SEC-95)', async () => {
    await setUp([FORMER]).start();
    const failure = await setUp([NEW])
      .start()
      .catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(String(failure)).to.match(/SECRET_KEY has changed/);
    expect(await rows(), 'makes none in their place').to.have.length(2);
  });

  it('rotates SECRET_KEY with overlap: the former one can be dropped afterwards (SEC-95)', async () => {
    const before = setUp([FORMER]);
    await before.start();
    const during = setUp([NEW, FORMER]);
    await during.start();
    expect(during.log.entries.map(({ fields }) => fields)).to.deep.include({
      event: 'signing_key.reencrypted',
      kid: (await before.service.current())[0]?.kid,
    });
    const after = setUp([NEW]);
    await after.start();
    expect(await after.service.current()).to.deep.equal(await before.service.current());
  });

  it('lists facts only, never private members (SEC-43)', async () => {
    const { service, provides, start } = setUp();
    const list = (options = {}) =>
      runCommand(keyCommands, { name: 'keys list', options }, provides);
    expect(await list()).to.deep.include({ out: [] });
    await start();
    const jwks = await service.current();
    const { text } = await list({ json: true });
    const lines = JSON.parse(text) as object[];
    const [{ created_at: createdAt } = { created_at: '' }] = lines as { created_at: string }[];
    expect(createdAt).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(lines.map((line) => ({ ...line, created_at: '' }))).to.deep.equal(
      jwks.map(({ kid, alg }) => ({ kid, alg, created_at: '', status: 'current' })),
    );
    const { out } = await list();
    expect(out).to.have.length(2);
    expect(out[0]).to.equal(`${jwks[0]?.kid}  ES256  ${createdAt}  current`);
    for (const { d = '' } of jwks) expect(text + out.join()).to.not.include(d);
  });
});
