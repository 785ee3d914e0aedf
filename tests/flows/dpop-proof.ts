/** Proofs of possession as clients make them (RFC 9449). */
import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

export interface ProofOptions {
  readonly method?: string;
  /** The access token that the request carries. */
  readonly token?: string | undefined;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
}

export type DpopKey = Awaited<ReturnType<typeof createDpopKey>>;

export async function createDpopKey() {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk: JWK = await exportJWK(publicKey);
  return {
    jkt: await calculateJwkThumbprint(jwk),
    /** The value of the `DPoP` header for a request to `url`. */
    prove: (url: string, { method = 'POST', token, claims, header }: ProofOptions = {}) =>
      new SignJWT({
        htu: url,
        htm: method,
        jti: randomUUID(),
        iat: Math.floor(Date.now() / 1000),
        ...(token === undefined
          ? {}
          : { ath: createHash('sha256').update(token).digest('base64url') }),
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey),
  };
}
