import type { SigningKeys } from '../../kernel/oidc.ts';
import { defineService } from '../../kernel/service.ts';

export interface KeyInfo {
  readonly kid: string;
  readonly alg: string;
  readonly createdAt: Date;
}

export interface KeyService extends SigningKeys {
  list(): Promise<readonly KeyInfo[]>;
}

export const Keys = defineService<KeyService>('keys');
