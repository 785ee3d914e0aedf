import { createPublicKey, type JsonWebKey } from 'node:crypto';

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];
const MIN_RSA_BITS = 2_048;
const MAX_KEYS = 10;

/**
 * Says what is wrong with the JWK Set of a client (RFC 7517 §5), in words that follow its name:
 * it must hold public keys that verify signatures and nothing else; undefined when it does.
 */
export function checkJwks(keys: readonly JsonWebKey[]): string | undefined {
  if (keys.length === 0) return 'must hold a key';
  if (keys.length > MAX_KEYS) return `must hold at most ${MAX_KEYS} keys`;
  const kids = keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid]));
  if (kids.some((kid) => typeof kid !== 'string' || kid === ''))
    return 'must have strings as "kid"';
  if (new Set(kids).size < kids.length) return 'must not hold two keys of one "kid"';
  for (const [index, key] of keys.entries()) {
    const fault = checkPublicJwk(key);
    if (fault !== undefined) return `must hold public signature keys only: keys[${index}] ${fault}`;
  }
  return undefined;
}

function checkPublicJwk(jwk: JsonWebKey): string | undefined {
  const secret = PRIVATE_MEMBERS.find((member) => Object.hasOwn(jwk, member));
  if (secret !== undefined || jwk.kty === 'oct') return 'is a private or shared key';
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return 'is not for signatures';
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails } = createPublicKey({
      key: jwk,
      format: 'jwk',
    });
    if (type === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA_BITS) {
      return `is shorter than ${MIN_RSA_BITS} bits`;
    }
    return type === 'rsa' || type === 'ec' || type === 'ed25519' ? undefined : 'cannot sign';
  } catch {
    return 'cannot be read';
  }
}
