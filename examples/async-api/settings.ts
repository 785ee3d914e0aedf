/** What this API must know: whose tokens it takes, and who it is in them. */

export interface Settings {
  /** The authorization server, exactly as its discovery document spells it. */
  readonly issuer: string;
  /** `aud` of the tokens meant for this API: API_AUDIENCE of the server. */
  readonly audience: string;
  /** This API as a client of the server: to follow which tokens are revoked. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** The scope that opens this API: its client was registered for it, and people allowed it. */
  readonly scope: string;
  /** The role that opens `GET /admin`. */
  readonly adminRole: string;
  readonly port: number;
  /** Where clients reach this API. */
  readonly baseUrl: string;
  /** Seconds added to the clock when expiry is judged; only for trying out what happens to old tokens. */
  readonly clockOffset: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws an Error that names a setting which is missing or no number. */
export function readSettings(env: Environment): Settings {
  const issuer = withoutSlash(env['ISSUER'] || 'http://localhost:3000');
  const port = wholeNumber(env, 'PORT', 3002);
  return {
    issuer,
    audience: env['AUDIENCE'] || `${issuer}/api`,
    clientId: required(env, 'CLIENT_ID'),
    clientSecret: required(env, 'CLIENT_SECRET'),
    scope: env['SCOPE'] || 'reports',
    adminRole: env['ADMIN_ROLE'] || 'reports',
    port,
    baseUrl: withoutSlash(env['BASE_URL'] || `http://127.0.0.1:${port}`),
    clockOffset: wholeNumber(env, 'CLOCK_OFFSET', 0),
  };
}

const withoutSlash = (url: string): string => url.replace(/\/$/, '');

function required(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`${name} is not set: make a client as README.md says`);
  return value;
}

function wholeNumber(env: Environment, name: string, initial: number): number {
  const value = Number(env[name] || initial);
  if (!Number.isInteger(value)) throw new Error(`${name} must be a whole number`);
  return value;
}
