/** What this application must know. */

export interface Settings {
  /** The authorization server, exactly as its discovery document spells it. */
  readonly issuer: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  /** What the client was registered with; nothing else is accepted. */
  readonly idTokenAlg: string;
  readonly port: number;
  /** Where browsers reach this application; absolute URLs come from here, never from a Host header. */
  readonly baseUrl: URL;
  /** The API that is called with the access token. */
  readonly apiUrl: URL;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws an Error that names the setting which is missing or wrong. */
export function readSettings(env: Environment): Settings {
  const port = Number(env['PORT'] || 3001);
  if (!Number.isInteger(port)) throw new Error('PORT must be a whole number');
  return {
    issuer: safeUrl('ISSUER', env['ISSUER'] || 'http://localhost:3000'),
    clientId: needed(env, 'CLIENT_ID'),
    clientSecret: needed(env, 'CLIENT_SECRET'),
    idTokenAlg: env['ID_TOKEN_ALG'] || 'RS256',
    port,
    baseUrl: safeUrl('BASE_URL', env['BASE_URL'] || `http://127.0.0.1:${port}`),
    apiUrl: safeUrl('API_URL', env['API_URL'] || 'http://127.0.0.1:3002'),
  };
}

function needed(env: Environment, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`${name} is needed: "authsrv client create" prints it`);
  return value;
}

function safeUrl(name: string, text: string): URL {
  if (!URL.canParse(text)) throw new Error(`${name} must be a URL`);
  const url = new URL(text);
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
  if (!isSafe) throw new Error(`${name} must use https (http only with a loopback host)`);
  return url;
}

export const isLoopback = ({ hostname }: URL): boolean =>
  ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
