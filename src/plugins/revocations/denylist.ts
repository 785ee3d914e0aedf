import type { Denylist } from '../../kernel/oidc.ts';
import type { Revocation } from './contract.ts';

export interface Entry {
  readonly revocation: Revocation;
  /** When it was written. Milliseconds since 1970, by PostgreSQL's clock: no node's clock may make an entry old. */
  readonly at: number;
  /** No token that it denies is valid longer. */
  readonly until: number;
}

/** This node's copy: look-ups only, no I/O. */
export interface LocalDenylist extends Denylist {
  /** Idempotent: an entry may come by message and from PostgreSQL. */
  add(entries: readonly Entry[]): void;
  /** Drops what no longer matters at `now` (milliseconds since 1970, by PostgreSQL's clock). */
  prune(now: number): void;
  readonly size: number;
}

export function createDenylist(): LocalDenylist {
  const sessions = new Map<string, number>();
  const grants = new Map<string, number>();
  const tokens = new Map<string, number>();
  const users = new Map<string, { rolesVersion: number; until: number }>();

  const addOne = ({ revocation, until }: Entry): void => {
    if ('sid' in revocation) setLater(sessions, revocation.sid, until);
    else if ('gid' in revocation) setLater(grants, revocation.gid, until);
    else if ('jti' in revocation) setLater(tokens, revocation.jti, until);
    else {
      const { sub, rolesVersion } = revocation;
      const known = users.get(sub);
      users.set(sub, {
        rolesVersion: Math.max(rolesVersion, known?.rolesVersion ?? 0),
        until: Math.max(until, known?.until ?? 0),
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
    prune(now) {
      dropEnded(sessions, now, (until) => until);
      dropEnded(grants, now, (until) => until);
      dropEnded(tokens, now, (until) => until);
      dropEnded(users, now, ({ until }) => until);
    },
    get size() {
      return sessions.size + grants.size + tokens.size + users.size;
    },
  };
}

const has = (ends: Map<string, number>, key: string | undefined): boolean =>
  key !== undefined && ends.has(key);

const setLater = (ends: Map<string, number>, key: string, until: number): void => {
  ends.set(key, Math.max(until, ends.get(key) ?? 0));
};

function dropEnded<Value>(
  entries: Map<string, Value>,
  now: number,
  endOf: (value: Value) => number,
): void {
  for (const [key, value] of entries) if (endOf(value) < now) entries.delete(key);
}
