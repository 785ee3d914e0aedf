/**
 * Settings that go on to count after they have been changed: tokens live, and clients keep JWKS, for as long as the setting
 * said when they got them. `lifetimes_in_use` has what every node runs with now, and ran with not long enough ago.
 */
export type LastingSetting = 'ACCESS_TOKEN_TTL' | 'JWKS_MAX_AGE';

/**
 * SQL of a timestamptz: until when what was given at `since` may last, whichever node gave it. `own`, SQL of seconds, is this
 * node's setting.
 */
export const lastsUntil = (setting: LastingSetting, since: string, own: string): string =>
  `(SELECT max(least(${since}, used_until) + seconds * interval '1 second')
    FROM (SELECT seconds, used_until FROM lifetimes_in_use WHERE setting = '${setting}'
      UNION ALL SELECT ${own}::int, 'infinity') AS in_use)`;

/** SQL of seconds: the greatest of these lifetimes. */
export const longestOf = (setting: LastingSetting, own: string): string =>
  `(SELECT greatest(${own}::int, max(seconds)) FROM lifetimes_in_use WHERE setting = '${setting}')`;
