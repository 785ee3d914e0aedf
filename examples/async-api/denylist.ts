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
  /** Seconds since 1970: no token that this concerns is valid longer. A server of a version before leaves it out. */
  readonly exp?: number;
}

/** What a token names. */
export interface Revocable {
  readonly sub: string;
  readonly jti: string;
  readonly sid: string | undefined;
  readonly gid: string | undefined;
  readonly rolesVersion: number;
}

/** Milliseconds that an entry is kept beyond its end: our clock may go before the server's. */
const SKEW = 60_000;
/** Milliseconds from one look at what may be dropped to the next. */
const TIDY = 60_000;

/** `now` in milliseconds since 1970. */
export function createDenylist(now: () => number) {
  /** When each entry may be dropped: how long tokens live is the server's to say, and may be years. */
  const ended = new Map<string, number>();
  const rolesVersions = new Map<string, number>();
  let tidiedAt = now();

  const tidy = (): void => {
    if (now() - tidiedAt < TIDY) return;
    tidiedAt = now();
    for (const [key, end] of ended) {
      if (end > now()) continue;
      ended.delete(key);
      rolesVersions.delete(key);
    }
  };

  const add = (key: string, exp: number | undefined): void => {
    const end = exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000 + SKEW;
    ended.set(key, Math.max(end, ended.get(key) ?? 0));
  };

  return {
    add({ sid, gid, jti, sub, roles_ver: version, exp }: Revocation): void {
      tidy();
      if (sid !== undefined) add(`sid ${sid}`, exp);
      if (gid !== undefined) add(`gid ${gid}`, exp);
      if (jti !== undefined) add(`jti ${jti}`, exp);
      if (sub === undefined || version === undefined) return;
      const key = `sub ${sub}`;
      add(key, exp);
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
