import { hkdfSync } from 'node:crypto';
import type { Secrets } from './kernel/plugin.ts';

/** Derives a key for each purpose from SECRET_KEY (HKDF-SHA-256, RFC 5869): 32 bytes, the newest first. */
export function createSecrets(secretKeys: readonly string[]): Secrets {
  const derive = (secret: string, purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, 'auth-service', purpose, 32));
  const [newest, ...older] = secretKeys;
  if (newest === undefined) throw new Error('SECRET_KEY is missing');
  return {
    keys: (purpose) => [derive(newest, purpose), ...older.map((secret) => derive(secret, purpose))],
  };
}
