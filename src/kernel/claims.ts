/** Who has what: names that may be there once over all plugins, and those of the core. */
import type { ClaimSource, Prompt } from './oidc.ts';
import { doPathsOverlap, pathKey } from './paths.ts';
import { type Contributions, type Plugin, PluginError, type Task } from './plugin.ts';

/** Claims of the core and of JWTs that no plugin may set (RFC 7519, RFC 9068, OIDC Core §2). */
const CORE_CLAIMS =
  'iss sub aud exp nbf iat jti client_id scope sid gid cnf nonce auth_time acr amr azp at_hash c_hash s_hash act';

/** Models of oidc-provider that `src/oidc/adapter.ts` keeps itself. */
const CORE_MODELS =
  'Session AccessToken AuthorizationCode RefreshToken ClientCredentials PushedAuthorizationRequest ReplayDetection Interaction';

const CORE_COMMANDS = ['start', 'migrate', 'config', 'doctor'];

const CORE_DIAGNOSES =
  'settings public_url cookies proxy clock secret_key thread_pool postgresql connections migrations state_store redis';

const CORE_GAUGES =
  'http_request_seconds store_seconds events_total tokens_total outgoing_total requests_shed_total database_connections_max database_connections_open database_connections_busy database_waiting state_store_given_up';

/** What the core answers, or might: the router asks plugins first, so theirs would silently take its place. */
const CORE_PATHS =
  /^\/(?:(?:oidc|\.well-known|health|assets|openapi\.json)(?:\/|$)|metrics\/?$|[^/]+\/(?:doc|openapi\.json)$|[^/]*[:*{(])/i;

const CORE_NAMES: Readonly<Record<string, readonly string[]>> = {
  claim: CORE_CLAIMS.split(' '),
  command: CORE_COMMANDS,
  diagnosis: CORE_DIAGNOSES.split(' '),
  gauge: CORE_GAUGES.split(' '),
  grant: ['authorization_code', 'refresh_token', 'client_credentials'],
  'key purpose': ['cookies', 'csrf', 'dpop-nonce'],
  model: CORE_MODELS.split(' '),
  plugin: ['core', 'app'],
  prompt: ['none'],
};

interface Endpoint {
  readonly method: string;
  readonly path: string;
}

interface OwnedEndpoint extends Endpoint {
  readonly owner: string;
  readonly kind: 'page' | 'route';
}

const nameOf = ({ method, path }: Endpoint): string => `${method.toUpperCase()} ${path}`;
const keyOf = ({ method, path }: Endpoint): string => nameOf({ method, path: pathKey(path) });

const CORE_ENDPOINTS: readonly OwnedEndpoint[] = [
  { method: 'get', path: '/interaction/:uid' },
  { method: 'get', path: '/interaction/:uid/:step' },
  { method: 'post', path: '/interaction/:uid/:step' },
].map((endpoint) => ({ ...endpoint, owner: 'core', kind: 'page' }));

/** What plugins have claimed so far. Every method throws PluginError that names both owners. */
export class Claims {
  readonly #owners = new Map<string, string>();
  readonly #endpoints: OwnedEndpoint[] = [...CORE_ENDPOINTS];

  constructor() {
    for (const [kind, names] of Object.entries(CORE_NAMES)) {
      for (const name of names) this.take('core', kind, name);
    }
  }

  take(owner: string, kind: string, name: string): void {
    const other = this.#ownerOf(kind, name);
    if (other !== undefined) throw bothClaim(other, owner, `${kind} "${name}"`);
    this.#owners.set(`${kind} ${name}`, owner);
  }

  /** The same, as often as the owner likes. */
  keep(owner: string, kind: string, name: string): void {
    if (this.#ownerOf(kind, name) !== owner) this.take(owner, kind, name);
  }

  takeCommand(owner: string, name: string): void {
    // A subcommand of the core's is the core's as well.
    const [group = ''] = name.split(' ');
    this.take(owner, 'command', CORE_COMMANDS.includes(group) ? group : name);
    const isWithin = (one: string, other: string): boolean => one.startsWith(`${other} `);
    for (const [key, other] of this.#owners) {
      const taken = key.replace(/^command /, '');
      if (taken === key || other === owner) continue;
      if (isWithin(taken, name) || isWithin(name, taken))
        throw bothClaim(other, owner, `command "${isWithin(name, taken) ? taken : name}"`);
    }
  }

  takeEndpoint(endpoint: OwnedEndpoint): void {
    const { owner, path } = endpoint;
    if (CORE_PATHS.test(path)) throw bothClaim('core', owner, `route "${keyOf(endpoint)}"`);
    for (const other of this.#endpoints) {
      if (other.method === endpoint.method && doPathsOverlap(other.path, path))
        refuseOverlap(other, endpoint);
    }
    this.#endpoints.push(endpoint);
  }

  #ownerOf(kind: string, name: string): string | undefined {
    return this.#owners.get(`${kind} ${name}`);
  }
}

const bothClaim = (one: string, other: string, what: string): PluginError =>
  new PluginError(`Plugins "${one}" and "${other}" both claim the ${what}`);

/**
 * Two plugins never answer one request. Of the routes of one plugin, or of its pages, the router asks the more specific one
 * first; a form and JSON for one path are told apart by their content type.
 */
function refuseOverlap(other: OwnedEndpoint, added: OwnedEndpoint): void {
  const [isSame, isOwn] = [keyOf(other) === keyOf(added), other.owner === added.owner];
  const isOfKind = other.kind === added.kind;
  if (isOwn && (isSame ? !isOfKind && added.method === 'post' : isOfKind)) return;
  const also = isSame ? '' : `: "${nameOf(other)}" of "${other.owner}" matches the same requests`;
  throw bothClaim(other.owner, added.owner, `route "${keyOf(added)}"${also}`);
}

/** Takes all that a manifest states. */
export function claimManifest(claims: Claims, { name: owner, ...manifest }: Plugin): void {
  claims.take(owner, 'plugin', owner);
  for (const { name } of manifest.commands ?? []) claims.takeCommand(owner, name);
  for (const { name } of manifest.events ?? []) claims.take(owner, 'event', name);
  if (manifest.migrations) claims.take(owner, 'history of migrations', historyOf(owner));
}

/** As a part of a table's name. */
export const historyOf = (plugin: string): string => plugin.replaceAll(/\W/g, '_');

/** How to take each contribution; those that many may have alike take nothing. */
const TAKE: {
  readonly [Kind in keyof Required<Contributions>]: (
    claims: Claims,
    owner: string,
    value: NonNullable<Contributions[Kind]>,
  ) => void;
} = {
  provides: (claims, owner, all) => {
    for (const { token } of all) claims.take(owner, 'service', token.name);
  },
  routes: takeEndpoints('route'),
  pages: takeEndpoints('page'),
  prompts(claims, owner, all) {
    for (const prompt of all) {
      claims.take(owner, 'prompt', prompt.name);
      checkPrompt(owner, prompt);
    }
  },
  grants: takeKeys('grant'),
  claims(claims, owner, all) {
    for (const name of claimNames(all)) claims.take(owner, 'claim', name);
  },
  accounts: takeOnce('accounts'),
  limiter: takeOnce('limiter'),
  requestIds: takeOnce('requestIds'),
  oidcModels: takeKeys('model'),
  exportUser: takeKeys('section'),
  diagnoses: takeNames('diagnosis'),
  tasks(claims, owner, all) {
    takeNames('task')(claims, owner, all);
    for (const task of all) checkTask(owner, task);
  },
  gauges: takeNames('gauge'),
  listeners: takeNothing,
  eraseUser: takeNothing,
  eraseUserInBatches: takeNothing,
  credentialsChanged: takeNothing,
  afterRestore: takeNothing,
  start: takeNothing,
  stop: takeNothing,
};

/** Takes all that a plugin adds. A member that this kernel does not know would be left out silently. */
export function claimContributions(claims: Claims, owner: string, added: Contributions): void {
  if (typeof added !== 'object' || added === null || 'then' in added) {
    throw new PluginError(`Plugin "${owner}": setup must return what it adds, and no promise`);
  }
  for (const [kind, value] of Object.entries(added)) {
    if (!Object.hasOwn(TAKE, kind)) {
      throw new PluginError(`Plugin "${owner}" adds "${kind}", which this kernel does not know`);
    }
    const take = TAKE[kind as keyof Contributions] as (...args: unknown[]) => void;
    if (value !== undefined) take(claims, owner, value);
  }
}

function takeNothing(): void {}

type Take<Value> = (claims: Claims, owner: string, value: Value) => void;

function takeNames(kind: string): Take<readonly { readonly name: string }[]> {
  return (claims, owner, all) => {
    for (const { name } of all) claims.take(owner, kind, name);
  };
}

function takeKeys(kind: string): Take<object> {
  return (claims, owner, all) => {
    for (const name of Object.keys(all)) claims.take(owner, kind, name);
  };
}

function takeOnce(kind: keyof Contributions): Take<unknown> {
  return (claims, owner) => claims.take(owner, 'contribution', kind);
}

function takeEndpoints(kind: OwnedEndpoint['kind']): Take<readonly Endpoint[]> {
  return (claims, owner, all) => {
    for (const { method, path } of all) claims.takeEndpoint({ owner, kind, method, path });
  };
}

/** A slip in a name would leave an action without its limit. */
function checkPrompt(owner: string, { name, actions, rateLimits, admissions }: Prompt): void {
  for (const limited of Object.keys({ ...rateLimits, ...admissions })) {
    if (Object.hasOwn(actions, limited)) continue;
    throw new PluginError(
      `Plugin "${owner}": the prompt "${name}" limits the action "${limited}", which it does not have`,
    );
  }
}

/** Seconds: more, and Node's timer runs at once, again and again. */
const LONGEST_INTERVAL = 2_147_483;

function checkTask(owner: string, { name, every }: Task): void {
  if (every > 0 && every <= LONGEST_INTERVAL) return;
  throw new PluginError(
    `Plugin "${owner}": the task "${name}" must run every so many seconds, at most ${LONGEST_INTERVAL}`,
  );
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
