import { createCipheriv, createDecipheriv, hash } from 'node:crypto';
import { type Adapter, type AdapterPayload, Provider } from 'oidc-provider';
import type { Random } from '../kernel/clock.ts';
import type { SessionFence } from '../kernel/oidc.ts';
import type { CoreSettings } from '../kernel/plugin.ts';
import type { StateStore } from '../kernel/store.ts';
import { MOST_STATE } from './request-sizes.ts';
import { lifetime, storeKey } from './store-key.ts';

/** Seconds in which a rotated-away id of a signed-in session still leads to the session: parallel tabs. */
const ALIAS = 30;

/** What the cookie's id leads to: a session, or, for a while after a rotation, the sealed id that took its place. */
interface Pointer {
  readonly uid: string;
  /** Of the session's cookies, when this one was made. Default: 0. */
  readonly version?: number | undefined;
  readonly sub?: string | undefined;
  readonly next?: string;
}

/** Key of the live record; `uid` is no bearer value. */
export const sessionKey = (uid: string): string => `oidc:session:${uid}`;

/** Key of what the cookie's id leads to. */
const pointerKey = (id: string): string => storeKey('Session', id);

async function readPointer(store: StateStore, id: string): Promise<Pointer | undefined> {
  const json = await store.get(pointerKey(id));
  return json === undefined ? undefined : (JSON.parse(json) as Pointer);
}

/** `ttl` in seconds. */
export const keepPointer = (
  store: Pick<StateStore, 'set'>,
  id: string,
  pointer: Pointer,
  ttl: number,
): Promise<void> => store.set(pointerKey(id), JSON.stringify(pointer), ttl);

const aliasKey = (id: string): Buffer => hash('sha256', `alias ${id}`, 'buffer');

/** Only who holds the old id can read the new one. */
function seal(text: string, id: string, random: Dependencies['random']): string {
  const nonce = random.bytes(12);
  const cipher = createCipheriv('aes-256-gcm', aliasKey(id), nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url');
}

function open(sealed: string, id: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', aliasKey(id), bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(-16));
  return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8');
}

/** Whoever asks for a sign-out with more (`request-sizes.ts`) is refused before; whatever came past that is not kept. */
function withoutLongState(payload: AdapterPayload): AdapterPayload {
  const { state: value, ...state } = (payload['state'] ?? {}) as { readonly state?: unknown };
  const isLong = typeof value === 'string' && Buffer.byteLength(value) > MOST_STATE;
  return isLong ? { ...payload, state } : payload;
}

/**
 * The session that a cookie's id leads to, alive or not, and the id that counts now: after a rotation the one that took its
 * place, since an alias put back into the browser would be dead in half a minute.
 */
export async function sessionOfId(
  store: StateStore,
  id: string,
): Promise<{ readonly uid: string; readonly id: string } | undefined> {
  const pointer = await readPointer(store, id);
  if (!pointer) return undefined;
  const { uid, next } = pointer;
  if (next === undefined) return { uid, id };
  const successor = open(next, id);
  return (await sessionOfId(store, successor)) ?? { uid, id: successor };
}

interface Dependencies {
  readonly store: StateStore;
  readonly sessions: SessionFence;
  readonly core: Pick<CoreSettings, 'sessionTtl'>;
  readonly random: Pick<Random, 'bytes'>;
}

/**
 * oidc-provider's `Session`: the record lies under its `uid`, the cookie's id (hashed) points to it.
 * A signed-in session counts only while the fence in PostgreSQL lets it live, and by cookies of the version it says: one
 * that is saved by who holds a former cookie stays as it was for them.
 */
export function createSessionAdapter(dependencies: Dependencies): Adapter {
  const { store, sessions: fence, core, random } = dependencies;
  /** Versions of the cookies that requests came with. */
  const versions = new WeakMap<object, number>();

  const readRecord = async (uid: string): Promise<AdapterPayload | undefined> => {
    const json = await store.get(sessionKey(uid));
    return json === undefined ? undefined : (JSON.parse(json) as AdapterPayload);
  };

  const findByUid = async (uid: string): Promise<AdapterPayload | undefined> => {
    const record = await readRecord(uid);
    if (record?.accountId && !(await fence.isAlive(uid))) return undefined;
    return record;
  };

  /** The id a rotation left behind, for the same person only (session fixation, SEC-26). */
  const leaveAlias = async (id: string, pointer: Pointer, successor: string): Promise<void> => {
    const sub = (await readRecord(pointer.uid))?.accountId;
    if (!sub) return store.delete(pointerKey(id));
    const { uid, version } = pointer;
    const alias: Pointer = { uid, version, sub, next: seal(successor, id, random) };
    await keepPointer(store, id, alias, ALIAS);
  };

  return {
    findByUid,

    async find(id) {
      const pointer = await readPointer(store, id);
      if (!pointer) return undefined;
      const record = await readRecord(pointer.uid);
      if (!record) return undefined;
      const { version = 0 } = pointer;
      if (record.accountId && (await fence.cookieVersion(pointer.uid)) !== version)
        return undefined;
      if (Provider.ctx) versions.set(Provider.ctx, version);
      if (pointer.next === undefined) return { ...record, jti: id };
      if (record.accountId !== pointer.sub) return undefined;
      return { ...record, jti: open(pointer.next, id) };
    },

    async upsert(id, { jti: _id, ...given }, expiresIn) {
      const payload = withoutLongState(given);
      const ttl = lifetime(expiresIn);
      const version = Provider.ctx && versions.get(Provider.ctx);
      const pointer: Pointer = { uid: payload.uid ?? '', version };
      // A refresh keeps the record alive without knowing the cookie, so its pointer lasts as long as any session may.
      const reach = payload.accountId ? core.sessionTtl : ttl;
      await keepPointer(store, id, pointer, reach);
      await store.set(sessionKey(pointer.uid), JSON.stringify(payload), ttl);
      if (payload.accountId) await fence.seen(pointer.uid);
    },

    async destroy(id) {
      const pointer = await readPointer(store, id);
      if (!pointer) return;
      const session = Provider.ctx?.oidc?.session as { oldId?: string; jti: string } | undefined;
      if (session?.oldId === id) return leaveAlias(id, pointer, session.jti);
      await store.delete(pointerKey(id));
      await store.delete(sessionKey(pointer.uid));
    },

    consume: async () => undefined,
    findByUserCode: async () => undefined,
    revokeByGrantId: async () => undefined,
  };
}
