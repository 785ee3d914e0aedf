/** An authorization server as far as verifiers see it: public keys behind HTTP, private ones to sign with. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

export interface KeyServer {
  readonly issuer: string;
  readonly jwksUri: URL;
  readonly es256: SigningKey;
  readonly rs256: SigningKey;
  /** Status of its answers. */
  status: number;
  /** How often the keys were fetched. */
  fetches(): number;
  close(): Promise<void>;
}

export async function createSigningKey(alg: string, kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicKey };
}

export const publicJwk = async ({ kid, alg, publicKey }: SigningKey): Promise<JWK> => ({
  ...(await exportJWK(publicKey)),
  kid,
  alg,
  use: 'sig',
});

export async function startKeyServer(): Promise<KeyServer> {
  const [es256, rs256] = await Promise.all([
    createSigningKey('ES256', 'es'),
    createSigningKey('RS256', 'rs'),
  ]);
  const keys = await Promise.all([es256, rs256].map(publicJwk));
  let fetches = 0;
  const server = createServer((_req, res) => {
    fetches += 1;
    res.statusCode = started.status;
    res.setHeader('content-type', 'application/jwk-set+json');
    res.end(JSON.stringify({ keys }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const started: KeyServer = {
    issuer,
    jwksUri: new URL(`${issuer}/.well-known/jwks.json`),
    es256,
    rs256,
    status: 200,
    fetches: () => fetches,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return started;
}
