/** What the demo needs in the server's database, made by `authsrv`. */
import { randomBytes } from 'node:crypto';
import type { CommandLine } from './command-line.ts';

/** Opens the API. */
export const API_SCOPE = 'reports';
/** Opens `GET /admin` of the API. */
export const ROLE = 'reports';
const SUPERUSER = 'admin@example.com';

/** One who exists already (with DATABASE_URL) gets this password. */
export async function createSuperuser(cli: CommandLine) {
  const password = randomBytes(18).toString('base64url');
  const args = ['create-superuser', SUPERUSER, '--password-stdin', '--json'];
  await cli(args, password);
  return { email: SUPERUSER, password };
}

export interface ClientCredentials {
  readonly id: string;
  readonly secret: string;
}

/** Not one of ours, so that the consent page is seen; it may use the API, if people allow it. */
export function createClient(cli: CommandLine, baseUrl: string): Promise<ClientCredentials> {
  return register(cli, [
    ...['--name', 'Example app', '--api', '--allow-scope', API_SCOPE],
    ...['--redirect-uri', `${baseUrl}/callback`],
    ...['--post-logout-redirect-uri', `${baseUrl}/signed-out`],
    ...['--backchannel-logout-uri', `${baseUrl}/backchannel-logout`],
    ...['--id-token-alg', 'ES256'],
  ]);
}

/** The API as a client: it follows which tokens are revoked. */
export function createApiClient(cli: CommandLine): Promise<ClientCredentials> {
  return register(cli, [
    ...['--name', 'async-api'],
    ...['--grant', 'client_credentials', '--allow-scope', 'revocations'],
  ]);
}

async function register(cli: CommandLine, args: readonly string[]): Promise<ClientCredentials> {
  const output = await cli(['client', 'create', '--json', ...args]);
  const client = JSON.parse(output) as { client_id: string; client_secret: string };
  return { id: client.client_id, secret: client.client_secret };
}

/** One that exists already is as good. */
export async function createRole(cli: CommandLine): Promise<void> {
  try {
    await cli(['role', 'create', ROLE, 'May read the reports of async-api', '--json']);
  } catch (error) {
    const list = JSON.parse(await cli(['role', 'list', '--json'])) as readonly { name: string }[];
    if (!list.some(({ name }) => name === ROLE)) throw error;
  }
}
