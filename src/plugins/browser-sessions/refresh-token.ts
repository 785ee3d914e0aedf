import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { type Clock, epochSeconds } from '../../kernel/clock.ts';
import type { StateStore } from '../../kernel/store.ts';
import { createFixedJws } from './fixed-jws.ts';

const jws = createFixedJws('rt+jwt');

const Claims = z.strictObject({
  iss: z.string(),
  jti: z.string().min(43),
  /** The grant. */
  gid: z.string(),
  sid: z.string(),
  sub: z.string(),
  /** Rotation of the grant this token belongs to. */
  rot: z.number().int().min(0),
  iat: z.number(),
  exp: z.number(),
});

/** What a refresh token says; times in seconds. */
export type RefreshTokenClaims = Omit<z.output<typeof Claims>, 'iss'>;

/** Claims of a token that was checked, with the key that signed it. */
export type VerifiedRefreshToken = RefreshTokenClaims & { readonly key: KeyObject };

interface Dependencies {
  readonly issuer: string;
  readonly keys: readonly [Buffer, ...Buffer[]];
  readonly store: StateStore;
  readonly clock: Clock;
}

export type RefreshTokens = ReturnType<typeof createRefreshTokens>;

/**
 * The refresh token of the cookie API: a JWT only we can verify, whose `jti` names the active record in the
 * state store (hashed). Signing is deterministic, so all callers of one rotation make the same bytes.
 */
export function createRefreshTokens({ issuer, store, clock, ...secrets }: Dependencies) {
  const keys = secrets.keys.map((secret) => createSecretKey(secret));
  const [newest] = keys as [KeyObject, ...KeyObject[]];
  const recordKey = (jti: string): string => `refresh:${hash('sha256', jti, 'base64url')}`;

  return {
    /** Every way a token can be wrong has one answer. */
    verify(token: string): VerifiedRefreshToken | undefined {
      for (const key of keys) {
        const { data } = Claims.safeParse(jws.open(token, key));
        if (!data) continue;
        const { iss, ...claims } = data;
        if (iss === issuer && clock.now() < claims.exp * 1000) return { ...claims, key };
      }
      return undefined;
    },

    sign: ({ jti, gid, sid, sub, rot, iat, exp }: RefreshTokenClaims): string =>
      jws.sign({ iss: issuer, sub, jti, gid, sid, rot, iat, exp }, newest),

    /**
     * Id of the token that follows this one in the rotation with this salt: the same for every caller, also on a node
     * that has the keys of SECRET_KEY in another order.
     */
    successorId: ({ jti, key }: VerifiedRefreshToken, salt: string): string =>
      createHmac('sha256', key).update(`rt\n${jti}\n${salt}`).digest('base64url'),

    /** Whether the record is there, and of the same grant. */
    async isActive({ jti, gid }: RefreshTokenClaims): Promise<boolean> {
      return (await store.get(recordKey(jti))) === gid;
    },

    async activate({ jti, gid, exp }: RefreshTokenClaims): Promise<void> {
      const ttl = Math.max(1, exp - epochSeconds(clock));
      await store.setIfAbsent(recordKey(jti), gid, ttl);
    },

    /** Leaves the record for as long as parallel requests may still come with it. */
    async retire(jti: string, seconds: number): Promise<void> {
      await store.expire(recordKey(jti), seconds);
    },

    async discard(jti: string): Promise<void> {
      await store.delete(recordKey(jti));
    },
  };
}
