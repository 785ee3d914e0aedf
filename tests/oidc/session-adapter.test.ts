import { expect } from 'chai';
import type { StateStore } from '../../src/kernel/store.ts';
import { createSessionAdapter } from '../../src/oidc/session-adapter.ts';
import { testRandom } from '../plugins/plugin-context.ts';

const IDLE = 60;
const LIFETIME = 3600;

/** Keeps values and the lifetimes they were given. */
function recordingStore() {
  const entries = new Map<string, { value: string; ttl: number }>();
  const store = {
    get: async (key: string) => entries.get(key)?.value,
    set: async (key: string, value: string, ttl: number) => void entries.set(key, { value, ttl }),
    delete: async (key: string) => void entries.delete(key),
  };
  return { entries, store: store as unknown as StateStore };
}

describe('session adapter', () => {
  const setUp = (alive = true) => {
    const { entries, store } = recordingStore();
    const fence = { version: 0 };
    const sessions = {
      isAlive: async () => alive,
      cookieVersion: async () => (alive ? fence.version : undefined),
      seen: async () => undefined,
    } as never;
    const adapter = createSessionAdapter({
      store,
      sessions,
      core: { sessionTtl: LIFETIME },
      random: testRandom,
    });
    const lifetimes = () => [...entries.values()].map(({ ttl }) => ttl);
    return { adapter, entries, fence, lifetimes };
  };

  it('leads from the cookie to the record for as long as any session may live', async () => {
    const { adapter, lifetimes } = setUp();
    await adapter.upsert('id', { uid: 'uid', accountId: 'ann' }, IDLE);
    expect(lifetimes()).to.deep.equal([LIFETIME, IDLE]);
  });

  it('forgets an anonymous session after its idle time', async () => {
    const { adapter, lifetimes } = setUp();
    await adapter.upsert('id', { uid: 'uid' }, IDLE);
    expect(lifetimes()).to.deep.equal([IDLE, IDLE]);
  });

  it('SEC-44 stores no bearer value', async () => {
    const { adapter, entries } = setUp();
    await adapter.upsert(
      'a-bearer-value',
      { uid: 'uid', accountId: 'ann', jti: 'a-bearer-value' },
      IDLE,
    );
    expect(JSON.stringify([...entries])).to.not.contain('a-bearer-value');
    expect(await adapter.find('a-bearer-value')).to.include({ jti: 'a-bearer-value', uid: 'uid' });
  });

  it('D4 finds no session by a cookie of before its cookies were renewed, saved again or not', async () => {
    const { adapter, fence } = setUp();
    await adapter.upsert('id', { uid: 'uid', accountId: 'ann' }, IDLE);
    fence.version = 1;
    expect(await adapter.find('id')).to.equal(undefined);
    await adapter.upsert('id', { uid: 'uid', accountId: 'ann' }, IDLE);
    expect(await adapter.find('id')).to.equal(undefined);
    expect(await adapter.findByUid('uid')).to.include({ accountId: 'ann' });
  });

  it('I2 finds no session that the fence does not let live', async () => {
    const { adapter } = setUp(false);
    await adapter.upsert('id', { uid: 'uid', accountId: 'ann' }, IDLE);
    expect(await adapter.find('id')).to.equal(undefined);
    expect(await adapter.findByUid('uid')).to.equal(undefined);
  });
});
