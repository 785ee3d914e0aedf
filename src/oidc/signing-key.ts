/** Keys that oidc-provider signs with. */
import {
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto';
import { ExternalSigningKey, type JWK } from 'oidc-provider';

/**
 * An ES256 key that signs where it is called. oidc-provider's own way, WebCrypto, makes a job for the thread pool of each
 * signature, and the job costs more than the signature.
 */
class Es256Key extends ExternalSigningKey {
  readonly #id: string | undefined;
  readonly #private: KeyObject;
  readonly #public: KeyObject;

  constructor(key: JWK) {
    super();
    this.#id = key.kid;
    this.#private = createPrivateKey({ key: key as JsonWebKey, format: 'jwk' });
    this.#public = createPublicKey(this.#private);
  }

  override get kid() {
    return this.#id;
  }

  override get alg() {
    return 'ES256';
  }

  override keyObject(): KeyObject {
    return this.#public;
  }

  override sign(data: Uint8Array): Uint8Array {
    // JWS takes R and S one after the other, not in ASN.1 (RFC 7518 §3.4).
    return sign('sha256', data, { key: this.#private, dsaEncoding: 'ieee-p1363' });
  }
}

/** The key as oidc-provider is to have it. An RSA signature takes long enough to belong in the thread pool. */
export const signingKey = (key: JWK): JWK | ExternalSigningKey =>
  key.alg === 'ES256' ? new Es256Key(key) : key;
