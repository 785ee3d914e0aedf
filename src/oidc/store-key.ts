import { hash } from 'node:crypto';

/** Key of a record in the state store. Ids are bearer values, so only their SHA-256 is ever stored. */
export const storeKey = (model: string, id: string): string =>
  `oidc:${model}:${hash('sha256', id, 'base64url')}`;

/** oidc-provider's `expiresIn` as the store wants it: whole seconds, at least one. */
export const lifetime = (expiresIn: number | undefined): number =>
  Math.max(1, Math.ceil(expiresIn ?? 1));
