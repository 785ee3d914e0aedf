/** JWTs as an attacker builds them, and as only the server itself could. */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { JWK } from 'oidc-provider';
import { Keys } from '../../src/plugins/keys/contract.ts';
import type { TestApp } from '../support/test-app.ts';

type Json = Readonly<Record<string, unknown>>;

export interface DecodedToken {
  readonly header: Json;
  readonly claims: Json;
}

export const encodePart = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

const decodePart = (part: string): Json =>
  JSON.parse(Buffer.from(part, 'base64url').toString()) as Json;

export function decodeToken(token: string): DecodedToken {
  const [header = '', claims = ''] = token.split('.');
  return { header: decodePart(header), claims: decodePart(claims) };
}

/** The private key that the server signs with. */
export async function serverKey(app: TestApp, alg: 'ES256' | 'RS256' = 'ES256'): Promise<JWK> {
  const key = (await app.app.use(Keys).current()).find((one) => one.alg === alg);
  if (!key) throw new Error(`the server has no ${alg} key`);
  return key;
}

const keyObject = (key: JWK | KeyObject): KeyObject =>
  'export' in key ? (key as KeyObject) : createPrivateKey({ key: key as never, format: 'jwk' });

/** Signs anything, whatever the header says of it: SHA-256, ECDSA as r‖s or RSA PKCS #1 v1.5 by the key's type. */
export function signParts(header: unknown, claims: unknown, key: JWK | KeyObject): string {
  const data = `${encodePart(header)}.${encodePart(claims)}`;
  const signature = sign('sha256', Buffer.from(data), {
    key: keyObject(key),
    dsaEncoding: 'ieee-p1363',
  });
  return `${data}.${signature.toString('base64url')}`;
}

export interface Changes {
  readonly header?: Json;
  /** `undefined` takes a claim away. */
  readonly claims?: Json;
}

/** A token of the server with changes, signed again with the server's key: only the changes can make it refused. */
export async function resign(app: TestApp, token: string, changes: Changes = {}): Promise<string> {
  const { header, claims } = decodeToken(token);
  return signParts(
    { ...header, ...changes.header },
    { ...claims, ...changes.claims },
    await serverKey(app),
  );
}
