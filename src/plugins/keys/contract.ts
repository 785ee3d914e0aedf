import type { SigningKeys } from '../../kernel/oidc.ts';
import { defineService } from '../../kernel/service.ts';

/** `next` is published and will sign, `current` signs, `retired` only verifies. */
export type KeyStatus = 'next' | 'current' | 'retired';

export interface KeyInfo {
  readonly kid: string;
  readonly alg: string;
  readonly status: KeyStatus;
  readonly createdAt: Date;
}

export interface KeyService extends SigningKeys {
  list(): Promise<readonly KeyInfo[]>;
  /** Publishes a next key of each algorithm, unless there is one; it signs once every verifier can know it. */
  rotate(): Promise<void>;
  /** New keys sign at once, and every other is withdrawn: what those signed holds nowhere any more. */
  replaceCompromised(): Promise<void>;
}

export const Keys = defineService<KeyService>('keys');
