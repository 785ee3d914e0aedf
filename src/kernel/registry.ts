/** Collects what all plugins add and refuses what two of them claim. */
import { BATCH } from './in-batches.ts';
import type { ClaimSource } from './oidc.ts';
import { orderPlugins } from './order.ts';
import {
  type Contributions,
  type CredentialsChanged,
  KERNEL_VERSION,
  type Plugin,
  type PluginContext,
  PluginError,
  type UserData,
} from './plugin.ts';
import type { ServiceToken } from './service.ts';
import { MoreThanABatch } from './whole-or-batches.ts';

/** The context of a plugin less what the registry adds. */
export type SharedContext = Omit<
  PluginContext<unknown>,
  'use' | 'settings' | 'userData' | 'afterRestore' | 'credentialsChanged'
>;

export interface Registry {
  /** In start order. */
  readonly plugins: readonly Plugin[];
  /** Every contribution of one kind, with the plugin it comes from. */
  all<Kind extends keyof Contributions>(
    kind: Kind,
  ): readonly { plugin: string; value: NonNullable<Contributions[Kind]> }[];
  use<Service>(token: ServiceToken<Service>): Service;
}

/** Claims of the core and of JWTs that no plugin may set (RFC 7519, RFC 9068, OIDC Core §2). */
const CORE_CLAIMS =
  'iss sub aud exp nbf iat jti client_id scope sid gid cnf nonce auth_time acr amr azp at_hash c_hash s_hash act'.split(
    ' ',
  );

/** Models of oidc-provider that `src/oidc/adapter.ts` keeps itself. */
const CORE_MODELS =
  'Session AccessToken AuthorizationCode RefreshToken ClientCredentials PushedAuthorizationRequest ReplayDetection'.split(
    ' ',
  );

const CORE_COMMANDS = ['start', 'migrate', 'config', 'doctor'];

const CORE_DIAGNOSES =
  'settings public_url cookies proxy clock secret_key thread_pool postgresql connections migrations state_store redis'.split(
    ' ',
  );

class Claims {
  readonly #owners = new Map<string, string>();

  take(owner: string, kind: string, name: string): void {
    const key = `${kind} "${name}"`;
    const other = this.#owners.get(key);
    if (other !== undefined) {
      throw new PluginError(`Plugins "${other}" and "${owner}" both claim the ${key}`);
    }
    this.#owners.set(key, owner);
  }
}

function takeAll(claims: Claims, owner: string, added: Contributions): void {
  const take = (kind: string, names: readonly string[]) => {
    for (const name of names) claims.take(owner, kind, name);
  };
  take(
    'service',
    (added.provides ?? []).map(({ token }) => token.name),
  );
  takeRoutes(claims, owner, [...(added.routes ?? []), ...pagesOfTheirOwn(added)]);
  take(
    'prompt',
    (added.prompts ?? []).map(({ name }) => name),
  );
  take('section', Object.keys(added.exportUser ?? {}));
  take('grant', Object.keys(added.grants ?? {}));
  take('claim', claimNames(added.claims ?? []));
  take('model', Object.keys(added.oidcModels ?? {}));
  take(
    'diagnosis',
    (added.diagnoses ?? []).map(({ name }) => name),
  );
  for (const kind of ['accounts', 'limiter', 'requestIds'] as const) {
    if (added[kind]) claims.take(owner, 'contribution', kind);
  }
}

/** As often as they are claimed in one place: a plugin may say the same in access tokens and of accounts. */
function claimNames(sources: readonly ClaimSource[]): string[] {
  const inPlace = (place: ClaimSource['in'][number]): string[] =>
    sources.filter((source) => source.in.includes(place)).flatMap(({ names }) => names);
  const left = inPlace('account');
  const both = inPlace('access_token');
  for (const name of both) {
    const at = left.indexOf(name);
    if (at >= 0) left.splice(at, 1);
  }
  return [...both, ...left];
}

interface Endpoint {
  readonly method: string;
  readonly path: string;
}

/** Two paths that differ only in parameter names, letters' case or a slash at the end are one route. */
const routeKey = ({ method, path }: Endpoint): string =>
  `${method.toUpperCase()} ${path
    .replace(/:[^/]+/g, ':')
    .replace(/\/$/, '')
    .toLowerCase()}`;

/** Pages less those for forms on the path of a JSON route of the same plugin: the content type tells the two apart. */
const pagesOfTheirOwn = ({ routes = [], pages = [] }: Contributions): readonly Endpoint[] => {
  const asJson = new Set(routes.filter(({ method }) => method === 'post').map(routeKey));
  return pages.filter((page) => !asJson.has(routeKey(page)));
};

/** What the core answers, or might: the router asks plugins first, so theirs would silently take its place. */
const CORE_PATHS =
  /^\/(?:(?:oidc|\.well-known|health|assets|openapi\.json)(?:\/|$)|[^/]+\/(?:doc|openapi\.json)$|[^/]*[:*{(])/i;
const CORE_ROUTES = ['GET /interaction/:', 'GET /interaction/:/:', 'POST /interaction/:/:'];

function takeRoutes(claims: Claims, owner: string, endpoints: readonly Endpoint[]): void {
  for (const endpoint of endpoints) {
    const key = routeKey(endpoint);
    if (CORE_PATHS.test(endpoint.path)) claims.take('core', 'route', key);
    claims.take(owner, 'route', key);
  }
}

/** Names of the core that nobody else may take. Throws PluginError that names both owners. */
function coreClaims(): Claims {
  const claims = new Claims();
  for (const name of CORE_CLAIMS) claims.take('core', 'claim', name);
  for (const name of ['authorization_code', 'refresh_token', 'client_credentials']) {
    claims.take('core', 'grant', name);
  }
  for (const name of CORE_ROUTES) claims.take('core', 'route', name);
  for (const name of CORE_MODELS) claims.take('core', 'model', name);
  for (const name of CORE_COMMANDS) claims.take('core', 'command', name);
  for (const name of CORE_DIAGNOSES) claims.take('core', 'diagnosis', name);
  return claims;
}

/** Orders the plugins and checks all that they state without being set up. Throws PluginError that names the plugins. */
export function checkManifests(plugins: readonly Plugin[]): Plugin[] {
  const ordered = orderPlugins(plugins);
  const claims = coreClaims();
  for (const plugin of plugins) {
    if (plugin.kernel !== KERNEL_VERSION) {
      throw new PluginError(
        `Plugin "${plugin.name}" was written for kernel ${plugin.kernel}; this is kernel ${KERNEL_VERSION}`,
      );
    }
    for (const { name } of plugin.commands ?? []) {
      // A subcommand of the core's is the core's as well.
      const [group = ''] = name.split(' ');
      claims.take(plugin.name, 'command', CORE_COMMANDS.includes(group) ? group : name);
    }
    for (const { name } of plugin.events ?? []) claims.take(plugin.name, 'event', name);
  }
  return ordered;
}

/** Sets every plugin up, in order. Throws PluginError that names both plugins of a collision. */
export function createRegistry(
  plugins: readonly Plugin[],
  shared: SharedContext,
  settings: Readonly<Record<string, unknown>>,
): Registry {
  const ordered = checkManifests(plugins);
  const claims = coreClaims();
  const services = new Map<string, { owner: string; service: unknown }>();
  const added: { plugin: string; contributions: Contributions }[] = [];

  const find = <Service>(
    token: ServiceToken<Service>,
    asker: string,
    may: (o: string) => boolean,
  ) => {
    const found = services.get(token.name);
    if (!found)
      throw new PluginError(`"${asker}" uses the service "${token.name}", which nobody provides`);
    if (!may(found.owner)) {
      throw new PluginError(
        `"${asker}" uses "${token.name}" but does not depend on "${found.owner}"`,
      );
    }
    return found.service as Service;
  };

  const contributed = () => added.map(({ contributions }) => contributions);
  const userData = userDataOf(contributed);
  const credentialsChanged: CredentialsChanged = async (...told) => {
    for (const { credentialsChanged: end } of contributed().toReversed()) await end?.(...told);
  };
  const afterRestore = async (): Promise<void> => {
    for (const { afterRestore: settle } of contributed()) await settle?.();
  };
  for (const plugin of ordered) {
    const may = (owner: string): boolean => plugin.dependsOn?.includes(owner) ?? false;
    const contributions = plugin.setup({
      ...shared,
      userData,
      credentialsChanged,
      afterRestore,
      settings: plugin.settings.parse(settings),
      use: (token) => find(token, plugin.name, may),
    });
    takeAll(claims, plugin.name, contributions);
    for (const { token, service } of contributions.provides ?? []) {
      services.set(token.name, { owner: plugin.name, service });
    }
    added.push({ plugin: plugin.name, contributions });
  }

  return {
    plugins: ordered,
    all: (kind) =>
      added.flatMap(({ plugin, contributions }) => {
        const value = contributions[kind];
        return value === undefined ? [] : [{ plugin, value: value as never }];
      }),
    use: (token) => find(token, 'app', () => true),
  };
}

const userDataOf = (added: () => readonly Contributions[]): UserData => ({
  async export(user) {
    const all = added().flatMap(({ exportUser = {} }) => Object.entries(exportUser));
    const sections = all.map(async ([name, read]) => [name, await read(user)] as const);
    return Object.fromEntries(await Promise.all(sections));
  },
  async erase(user, transaction) {
    let room = BATCH;
    for (const { eraseUserInBatches, eraseUser } of added().toReversed()) {
      if (eraseUserInBatches) room -= await eraseUserInBatches(user, room, transaction);
      if (room <= 0) throw new MoreThanABatch();
      await eraseUser?.(user, transaction);
    }
  },
  async eraseBatch(user, transaction) {
    let room = BATCH;
    for (const { eraseUserInBatches } of added().toReversed()) {
      if (eraseUserInBatches) room -= await eraseUserInBatches(user, room, transaction);
      if (room <= 0) return true;
    }
    return false;
  },
});
