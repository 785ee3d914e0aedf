import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'oidc-provider';

/** RS256 because every relying party accepts it (OIDC Core §15.1), ES256 because it is fast. */
export const SIGNING_ALGS = ['ES256', 'RS256'] as const;

export type SigningAlg = (typeof SIGNING_ALGS)[number];

/** A private key; `kid` is its thumbprint. */
export interface SigningJwk extends JWK {
  readonly kid: string;
  readonly alg: string;
  readonly use: 'sig';
}

/** A fresh P-256 or 2,048-bit RSA key, made on the thread pool; `kid` is the RFC 7638 thumbprint. */
export async function generateSigningKey(alg: SigningAlg): Promise<SigningJwk> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const { kty, crv, x, y, n, e, d, p, q, dp, dq, qi } = await exportJWK(privateKey);
  const jwk = { kty, crv, x, y, n, e, d, p, q, dp, dq, qi };
  const present = Object.fromEntries(
    Object.entries(jwk).filter(([, value]) => value !== undefined),
  );
  return { ...present, kid: await calculateJwkThumbprint(present), alg, use: 'sig' };
}
