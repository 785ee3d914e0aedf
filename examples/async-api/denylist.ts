/** What Auth Service said has ended before it expires. A look-up in memory: no call per request. */

/** The data of an event of `GET /auth/revocations`; one of the members says what has ended. */
export interface Revocation {
  /** A session, a grant, one token: whichever token names it is refused. */
  readonly sid?: string;
  readonly gid?: string;
  readonly jti?: string;
  /** Roles of a user have changed: tokens with a smaller `roles_ver` are refused. */
  readonly sub?: string;
  readonly roles_ver?: number;
}

/** What a token names. */
export interface Revocable {
  readonly sub: string;
  readonly jti: string;
  readonly sid: string | undefined;
  readonly gid: string | undefined;
  readonly rolesVersion: number;
}

/** Milliseconds that an entry is kept: longer than any access token lives (ACCESS_TOKEN_TTL of the server, and some). */
const KEEP = 2 * 3_600_000;

export function createDenylist(now: () => number) {
  /** When each entry may be dropped, oldest first. */
  const ended = new Map<string, number>();
  const rolesVersions = new Map<string, number>();

  const add = (key: string): void => {
    ended.delete(key);
    ended.set(key, now() + KEEP);
    for (const [oldest, end] of ended) {
      if (end > now()) break;
      ended.delete(oldest);
      rolesVersions.delete(oldest);
    }
  };

  return {
    add({ sid, gid, jti, sub, roles_ver: version }: Revocation): void {
      if (sid !== undefined) add(`sid ${sid}`);
      if (gid !== undefined) add(`gid ${gid}`);
      if (jti !== undefined) add(`jti ${jti}`);
      if (sub === undefined || version === undefined) return;
      const key = `sub ${sub}`;
      add(key);
      rolesVersions.set(key, Math.max(version, rolesVersions.get(key) ?? 0));
    },

    denies: ({ sid, gid, jti, sub, rolesVersion }: Revocable): boolean =>
      ended.has(`sid ${sid}`) ||
      ended.has(`gid ${gid}`) ||
      ended.has(`jti ${jti}`) ||
      rolesVersion < (rolesVersions.get(`sub ${sub}`) ?? 0),
  };
}

export type Denylist = ReturnType<typeof createDenylist>;
