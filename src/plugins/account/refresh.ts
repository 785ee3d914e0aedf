import { type Clock, epochSeconds, type Random } from '../../kernel/clock.ts';
import type { OidcEngine, Rotation } from '../../kernel/oidc.ts';
import type { Log } from '../../kernel/plugin.ts';
import type {
  RefreshTokenClaims,
  RefreshTokens,
  TokenPair,
  VerifiedRefreshToken,
} from '../browser-sessions/contract.ts';
import type { GrantService } from '../grants/contract.ts';
import type { SessionService } from '../sessions/contract.ts';
import { problems } from './problems.ts';

/** Seconds a used token's record stays: longer than the window in which it still gets the same answer. */
const RETIRED = 15;

interface Dependencies {
  readonly tokens: RefreshTokens;
  readonly grants: GrantService;
  readonly sessions: SessionService;
  readonly oidc: OidcEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Seconds. */
  readonly refreshTokenTtl: number;
  readonly scope: string;
}

/** Values of the cookies that a browser sent: every one called `refresh`, and that of its session. */
export interface Presented {
  readonly refresh: readonly string[];
  readonly session: string | undefined;
}

export type Refresh = ReturnType<typeof createRefresh>;

type Won = Extract<Rotation, { outcome: 'rotated' | 'same' }>;

/**
 * Rotates a refresh token (RFC 9700 §4.14). All requests within 10 s get the same successor; a later one is a
 * replay and ends the session. Everything that can fail comes before the one compare-and-set in PostgreSQL,
 * and a crash after it heals when the request is repeated.
 */
export function createRefresh(dependencies: Dependencies) {
  const { tokens, grants, sessions, oidc, clock, random, log, scope } = dependencies;

  const successorOf = (
    used: VerifiedRefreshToken,
    { salt, rotatedAt, expiresAt }: Omit<Won, 'outcome'>,
  ): RefreshTokenClaims => ({
    ...used,
    jti: tokens.successorId(used, salt),
    rot: used.rot + 1,
    iat: rotatedAt,
    exp: Math.min(rotatedAt + dependencies.refreshTokenTtl, expiresAt),
  });

  const refuse = async (outcome: string, grantId: string): Promise<never> => {
    if (outcome === 'replayed') await sessions.refreshReplayed(grantId);
    throw problems.refreshRejected({ cause: new Error(`refresh token: ${outcome}`) });
  };

  /** The record is gone: a replay after the window, or a store that lost it. */
  const refuseInactive = async (used: RefreshTokenClaims): Promise<never> => {
    const { outcome } = await grants.inspect(used.gid, used.rot);
    return refuse(outcome, used.gid);
  };

  const rotate = async (used: VerifiedRefreshToken): Promise<RefreshTokenClaims> => {
    const salt = random.token(16);
    const now = epochSeconds(clock);
    // Stored before it is decided whether it counts: afterwards nothing is left that could fail.
    const draft = successorOf(used, { salt, rotatedAt: now, expiresAt: Number.MAX_SAFE_INTEGER });
    await tokens.activate(draft);
    const rotation = await grants.rotate(used.gid, used.rot, salt);
    if (rotation.outcome === 'rotated') return successorOf(used, rotation);
    await tokens.discard(draft.jti);
    if (rotation.outcome !== 'same') return refuse(rotation.outcome, used.gid);
    const successor = successorOf(used, rotation);
    await tokens.activate(successor);
    return successor;
  };

  const stateOf = (token: RefreshTokenClaims): Promise<[isActive: boolean, isLive: boolean]> =>
    Promise.all([tokens.isActive(token), oidc.isSessionLive(token.sid)]);

  /**
   * The token of the browser's session: a path-bound cookie can come from a sibling host as well, alone or beside ours (D16).
   * Throws `account:refresh-foreign`, which changes nothing, and `:refresh-rejected` for one that is over.
   */
  const choose = async ({
    refresh,
    session,
  }: Presented): Promise<{ readonly used: VerifiedRefreshToken; readonly cookie: string }> => {
    const own = refresh.flatMap((token) => tokens.verify(token) ?? []);
    const [first] = own;
    if (!first) throw problems.refreshRejected();
    const [current, [isActive, isLive]] = await Promise.all([
      session === undefined ? undefined : oidc.sessionOfCookie(session),
      stateOf(first),
    ]);
    // Of several the newest, so that one that was used before ends nothing.
    const [used] = own
      .filter((one) => one.sid === current?.uid)
      .sort((one, other) => other.rot - one.rot);
    if (!current && !isActive) return refuseInactive(first);
    if (!current || !used) throw problems.refreshForeign();
    const [active, live] = used === first ? [isActive, isLive] : await stateOf(used);
    if (!active) return refuseInactive(used);
    // A session unused for SESSION_IDLE_TTL is over, however long its token was made to last (SEC-48).
    if (!live) return refuse('session idle', used.gid);
    return { used, cookie: current.id };
  };

  /**
   * `prepare` is asked for what else the answer needs, before the token is used up. `cookie` is the value of the session's,
   * which a parallel request may have renewed.
   */
  return async <Extra>(
    presented: Presented,
    prepare: (userId: string) => Promise<Extra>,
  ): Promise<{ pair: TokenPair; extra: Extra; cookie: string }> => {
    const { used, cookie } = await choose(presented);
    const access = await oidc.issueAccessToken({
      userId: used.sub,
      grantId: used.gid,
      sessionId: used.sid,
      scope,
    });
    const extra = await prepare(used.sub);
    const successor = await rotate(used);
    await keepAlive(used);
    const pair = {
      userId: used.sub,
      sessionId: used.sid,
      accessToken: access.token,
      accessExpiresAt: access.expiresAt,
      roles: access.roles,
      refreshToken: tokens.sign(successor),
      refreshExpiresAt: successor.exp,
    };
    return { pair, extra, cookie };
  };

  /** A refresh is a use of the session. Neither step decides anything, so neither may fail the request. */
  async function keepAlive(used: RefreshTokenClaims): Promise<void> {
    const steps = await Promise.allSettled([
      tokens.retire(used.jti, RETIRED),
      oidc.touchSession(used.sid),
      sessions.seen(used.sid),
    ]);
    for (const step of steps) {
      if (step.status === 'fulfilled') continue;
      log.warn(
        { event: 'session.not_kept_alive', sid: used.sid, err: step.reason },
        'not kept alive',
      );
    }
  }
}
