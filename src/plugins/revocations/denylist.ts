import type { Denylist } from '../../kernel/oidc.ts';
import type { Revocation } from './contract.ts';

export interface Entry {
  readonly revocation: Revocation;
  /** Milliseconds since 1970, by PostgreSQL's clock: no node's clock may make an entry old. */
  readonly at: number;
}

/** This node's copy: look-ups only, no I/O. */
export interface LocalDenylist extends Denylist {
  /** Idempotent: an entry may come by message and from PostgreSQL. */
  add(entries: readonly Entry[]): void;
  /** Drops what was added before `limit` (milliseconds since 1970, by PostgreSQL's clock). */
  prune(limit: number): void;
  readonly size: number;
}

export function createDenylist(): LocalDenylist {
  const sessions = new Map<string, number>();
  const grants = new Map<string, number>();
  const tokens = new Map<string, number>();
  const users = new Map<string, { rolesVersion: number; at: number }>();

  const addOne = ({ revocation, at }: Entry): void => {
    if ('sid' in revocation) setLater(sessions, revocation.sid, at);
    else if ('gid' in revocation) setLater(grants, revocation.gid, at);
    else if ('jti' in revocation) setLater(tokens, revocation.jti, at);
    else {
      const { sub, rolesVersion } = revocation;
      const known = users.get(sub);
      users.set(sub, {
        rolesVersion: Math.max(rolesVersion, known?.rolesVersion ?? 0),
        at: Math.max(at, known?.at ?? 0),
      });
    }
  };

  return {
    denies({ sub, sid, gid, jti, rolesVersion }) {
      if (has(sessions, sid) || has(grants, gid) || has(tokens, jti)) return true;
      const user = sub === undefined ? undefined : users.get(sub);
      // A token that does not say how old its roles are counts as older than any change.
      return user !== undefined && (rolesVersion ?? 0) < user.rolesVersion;
    },
    add(entries) {
      for (const entry of entries) addOne(entry);
    },
    prune(limit) {
      dropOlder(sessions, limit, (at) => at);
      dropOlder(grants, limit, (at) => at);
      dropOlder(tokens, limit, (at) => at);
      dropOlder(users, limit, ({ at }) => at);
    },
    get size() {
      return sessions.size + grants.size + tokens.size + users.size;
    },
  };
}

const has = (times: Map<string, number>, key: string | undefined): boolean =>
  key !== undefined && times.has(key);

const setLater = (times: Map<string, number>, key: string, at: number): void => {
  times.set(key, Math.max(at, times.get(key) ?? 0));
};

function dropOlder<Value>(
  entries: Map<string, Value>,
  limit: number,
  timeOf: (value: Value) => number,
): void {
  for (const [key, value] of entries) if (timeOf(value) < limit) entries.delete(key);
}
