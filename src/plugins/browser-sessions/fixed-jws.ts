/**
 * A JWS in compact form (RFC 7515 §7.1), HS256, whose header is always the same: it is compared as a whole, so nothing that
 * a token says of itself is ever followed (RFC 8725 §3.1). In place, since a job of WebCrypto costs many times as much.
 */
import { createHmac, type KeyObject } from 'node:crypto';
import { sameText } from '../../kernel/same-text.ts';

export interface FixedJws {
  /** The same claims and key make the same bytes. */
  sign(claims: object, key: KeyObject): string;
  /** The claims of a token with this header and a signature by this key; undefined for every other text. */
  open(token: string, key: KeyObject): unknown;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function createFixedJws(typ: string): FixedJws {
  const header = encode({ alg: 'HS256', typ });
  const signatureOf = (signed: string, key: KeyObject): string =>
    createHmac('sha256', key).update(signed).digest('base64url');
  return {
    sign(claims, key) {
      const signed = `${header}.${encode(claims)}`;
      return `${signed}.${signatureOf(signed, key)}`;
    },
    open(token, key) {
      const [first, payload = '', signature = '', ...more] = token.split('.');
      if (first !== header || more.length > 0) return undefined;
      // As texts: base64url has several for the same bytes.
      if (!sameText(signature, signatureOf(`${header}.${payload}`, key))) return undefined;
      return JSON.parse(Buffer.from(payload, 'base64url').toString()) as unknown;
    },
  };
}
