/** The plugin contract: a manifest states what a plugin is, its `setup` returns what it adds, as data. */
import type { Adapter, KoaContextWithOIDC } from 'oidc-provider';
import type { z } from 'zod';
import type { Clock, Random } from './clock.ts';
import type { Events, EventType, Listener } from './events.ts';
import type { AccountSource, ClaimSource, OidcEngine, Prompt } from './oidc.ts';
import type { Outgoing } from './outgoing.ts';
import type { ProblemError, ProblemType } from './problem.ts';
import type { Page, RateClass, Route } from './route.ts';
import type { Provided, ServiceToken } from './service.ts';
import type { Database, StateStore, Transaction } from './store.ts';
import type { Gauge, Span } from './telemetry.ts';

/** What a plugin is built against; a third-party plugin states the major it was written for. */
export const KERNEL_VERSION = 1;

/** Structured log: `log.info({ event: 'client.registered', client_id }, 'client registered')`. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Settings of the core that more than one plugin needs. Lifetimes in seconds. */
export interface CoreSettings {
  readonly publicUrl: URL;
  /** `aud` of access tokens for the operator's API. */
  readonly apiAudience: string;
  /** What people know that API by. */
  readonly apiTitle: string;
  /** Its scopes that REST logins have. */
  readonly apiScopes: readonly string[];
  readonly accessTokenTtl: number;
  readonly refreshTokenTtl: number;
  readonly sessionIdleTtl: number;
  readonly sessionTtl: number;
  /** How long clients may keep JWKS and metadata. */
  readonly jwksMaxAge: number;
  /** Who may create an account: everybody, everybody who can read mail sent to the address, or nobody. */
  readonly registration: 'open' | 'strict' | 'closed';
  /** Other origins whose pages may call the REST API, and to which a sign-in may lead back. */
  readonly corsOrigins: readonly string[];
}

/** Keys derived from SECRET_KEY, one family for each purpose. */
export interface Secrets {
  /** 32 bytes each: the first one signs and encrypts, all of them verify and decrypt. */
  keys(purpose: string): readonly [Buffer, ...Buffer[]];
}

export interface PluginContext<Settings> {
  readonly settings: Settings;
  readonly core: CoreSettings;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly db: Database;
  readonly store: StateStore;
  readonly events: Events;
  readonly log: Log;
  readonly oidc: OidcEngine;
  /** The only way out by HTTP to an address that somebody else than the operator names. */
  readonly outgoing: Outgoing;
  readonly span: Span;
  /** HTML of `views/<view>.eta`, for what is no page: mails. Values are escaped. */
  readonly render: (view: string, locals: Record<string, unknown>) => string;
  readonly userData: UserData;
  /** Tells every plugin, in the transaction of the change. */
  readonly credentialsChanged: CredentialsChanged;
  /** Has every plugin end what an older state of the database revived, in start order. */
  readonly afterRestore: () => Promise<void>;
  /** A service of a plugin named in `dependsOn`. Throws an Error that names both otherwise. */
  use<Service>(token: ServiceToken<Service>): Service;
}

/** Something that is not as it should be. Sentences in plain words; they never quote a secret. */
export interface Finding {
  /** `broken`: something does not work, or harm is near. `warning`: it works, and should not stay so. */
  readonly severity: 'broken' | 'warning';
  readonly problem: string;
  /** What to do about it. */
  readonly fix: string;
}

/** One check: it changes nothing and ends by itself within 15 s. */
export interface Diagnosis {
  /** In snake_case, as `/health/ready` and `--json` show it; unique over all plugins. */
  readonly name: string;
  /** Also asked at `/health/ready`, within a second: what is broken there keeps this node from serving. */
  readonly readiness?: boolean;
  /** Nothing when all is well. Throws `NotExamined` or `StoreUnavailable` when it cannot tell. */
  check(): Promise<readonly Finding[]>;
}

/** Housekeeping: done again and again while the server runs, on every node. */
export interface Task {
  readonly name: string;
  /** Seconds from one run to the next; a run that takes longer is not doubled. */
  readonly every: number;
  run(): Promise<void>;
}

/** Handles a grant type of the token endpoint; throws oidc-provider's errors. */
export type GrantHandler = (ctx: KoaContextWithOIDC) => Promise<void>;

/** Counts calls, and refuses those of whoever makes too many. */
export interface Limiter {
  /** What a refused call may be answered with. */
  readonly problems: readonly ProblemType[];
  /**
   * Takes a token from the caller's bucket of this class and answers the header fields that say what is left.
   * Throws a 429 problem that carries them.
   */
  spend(
    rateClass: RateClass,
    caller: { readonly ip: string; readonly client?: string },
  ): Promise<Readonly<Record<string, string>>>;
  /**
   * Counts a call that costs less to answer than to count in the store (public documents, files, what is not found), in
   * this process alone. Answers a 429 problem for whoever makes too many.
   */
  spendHere?(ip: string): ProblemError | undefined;
}

/** The id of a request that came with this one, or with none; undefined refuses it (400). */
export type RequestIds = (received: string | undefined) => string | undefined;

/** Whose data it is. */
export interface DataSubject {
  readonly id: string;
  readonly email: string;
}

/** What all plugins keep about a user. Usable once the server has been built. */
export interface UserData {
  /** By section. */
  export(user: DataSubject): Promise<Readonly<Record<string, unknown>>>;
  /**
   * All of it; those that depend on others come first. Throws `MoreThanABatch` where `eraseBatch` has to come before.
   */
  erase(user: DataSubject, transaction: Transaction): Promise<void>;
  /** At most a batch of what has no bound (`eraseUserInBatches`). True when there may be more. */
  eraseBatch(user: DataSubject, transaction: Transaction): Promise<boolean>;
}

/** Deletes at most `size` rows of the user's and answers how many; fewer than `size` when those were the last. */
export type EraseInBatches = (
  user: DataSubject,
  size: number,
  transaction: Transaction,
) => Promise<number>;

/** A change of what a user signs in with. */
export interface CredentialsChange {
  readonly userId: string;
  /**
   * `password-reset`: set without the former one, by mail or by the operator. `address-claimed`: somebody else than who
   * registered it proved to read the address's mail. After both, nothing that was allowed before is known to be the owner's.
   */
  readonly by: 'password-change' | 'password-reset' | 'email-change' | 'address-claimed';
}

/** Throwing undoes the change. */
export type CredentialsChanged = (
  change: CredentialsChange,
  transaction: Transaction,
) => Promise<void>;

/** Everything a plugin can add. Nobody calls `app.use`. */
export interface Contributions {
  readonly provides?: readonly Provided[];
  readonly routes?: readonly Route[];
  readonly pages?: readonly Page[];
  readonly prompts?: readonly Prompt[];
  /** Grant types of the token endpoint, by their `grant_type`. */
  readonly grants?: Readonly<Record<string, GrantHandler>>;
  readonly claims?: readonly ClaimSource[];
  /** Exactly one plugin has it. */
  readonly accounts?: AccountSource;
  /** At most one plugin has it, as `requestIds`. */
  readonly limiter?: Limiter;
  readonly requestIds?: RequestIds;
  /** Adapters of oidc-provider models that do not live in the state store. */
  readonly oidcModels?: Readonly<Record<string, Adapter>>;
  readonly listeners?: readonly Listener[];
  /** What the plugin keeps about a user, as JSON by section (`login_history`): never secrets nor their hashes. */
  readonly exportUser?: Readonly<Record<string, (user: DataSubject) => Promise<unknown>>>;
  /**
   * Deletes what is kept about a user, as part of the transaction in which the user goes: what is bounded. Sessions and grants
   * have ended before.
   */
  readonly eraseUser?: (user: DataSubject, transaction: Transaction) => Promise<void>;
  /**
   * Deletes what grows with time or use. Called in that same transaction, or, when it is more than a batch, again and again in
   * short ones before, of which each may be the last for now: a deletion that was cut off goes on later. Nobody else erases
   * rows of this user meanwhile; whoever sweeps may, so lock them before they are counted: fewer than asked for ends the
   * batches. Rows that refer to those of another plugin's table of this kind need it as well, or a cascade.
   */
  readonly eraseUserInBatches?: EraseInBatches;
  /** Ends what the change ends, besides sessions and grants, which have ended before; dependents come first. */
  readonly credentialsChanged?: CredentialsChanged;
  /**
   * The database was put back to an older state: ends and forgets what would let anybody in with what they had then.
   * Is run again when it, or another one, failed. A statement may take five seconds: many rows need several.
   */
  readonly afterRestore?: () => Promise<void>;
  /** What `authsrv doctor` and `/health/ready` check. They may run before `start`, or without it. */
  readonly diagnoses?: readonly Diagnosis[];
  readonly tasks?: readonly Task[];
  readonly gauges?: readonly Gauge[];
  /** Runs after all set-ups, in order; the server listens when all have resolved. */
  readonly start?: () => Promise<void>;
  /** Runs in reverse order. */
  readonly stop?: () => Promise<void>;
}

/** How a command talks to the person at the terminal. */
export interface CommandIo {
  readonly out: (line: string) => void;
  /** Notes and prompts: never part of `--json` output. */
  readonly note: (line: string) => void;
  /** Asks on the terminal without echo; undefined when there is none. */
  readonly askSecret: (question: string) => Promise<string | undefined>;
  readonly readStdin: () => Promise<string>;
}

export interface CommandInput {
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly io: CommandIo;
  readonly random: Random;
  /** Logs a change (`admin.<action>`, actor `cli`) that no service logs. Target: an id. Diff: what was and is, no secret. */
  record(action: string, target: string, diff?: object): void;
  use<Service>(token: ServiceToken<Service>): Service;
}

/** A command of `authsrv`. Throw a ProblemError or CommandError for a clear line and exit code 1. */
export interface Command {
  /** Words as typed: `role create`. */
  readonly name: string;
  readonly summary: string;
  /** In commander's notation: `<name>`, `[description]`. */
  readonly args?: readonly { readonly name: string; readonly summary: string }[];
  readonly options?: readonly {
    readonly flags: string;
    readonly summary: string;
    readonly repeatable?: boolean;
  }[];
  run(input: CommandInput): Promise<void>;
}

/** A command cannot do what was asked: its message is printed as it is, without a stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** What a check would look at is not there; its message says why. */
export class NotExamined extends Error {
  override readonly name = 'NotExamined';
}

type Judgement = (problem: string, fix: string) => Finding;

export const broken: Judgement = (problem, fix) => ({ severity: 'broken', problem, fix });
export const warning: Judgement = (problem, fix) => ({ severity: 'warning', problem, fix });

/** Plugins that do not fit together: its message names them. */
export class PluginError extends Error {
  override readonly name = 'PluginError';
}

/** Keys are environment names; `.describe()` documents each, `.meta({ secret: true })` masks it. */
export type SettingsSchema = z.ZodObject<Record<string, z.ZodType>>;

export interface PluginManifest<Schema extends SettingsSchema = SettingsSchema> {
  readonly name: string;
  /** The KERNEL_VERSION it was written for. */
  readonly kernel: number;
  readonly dependsOn?: readonly string[];
  readonly settings: Schema;
  /** An optional plugin is on when this says so; without it, always. */
  enabled?(settings: z.output<Schema>): boolean;
  /** What whoever runs the server needs to know, a line each: `config` prints them, and so does a start. */
  notes?(settings: z.output<Schema>, publicUrl: URL): readonly string[];
  /** Domain events this plugin owns. */
  readonly events?: readonly EventType<unknown>[];
  readonly commands?: readonly Command[];
  /** Third-party plugins only: a folder of migrations with a history of its own. */
  readonly migrations?: URL;
  /** Third-party plugins only: a folder of Eta templates, shown as `@<plugin>/<view>`. */
  readonly views?: URL;
  /** Wires the plugin; does no I/O (that is for `start`). */
  setup(context: PluginContext<z.output<Schema>>): Contributions;
}

/** What the list of plugins keeps: the settings type is checked at the definition, then erased. */
// biome-ignore lint/suspicious/noExplicitAny: a list of unlike plugins needs erased settings
export type Plugin = PluginManifest<any>;

export function definePlugin<Schema extends SettingsSchema>(
  manifest: PluginManifest<Schema>,
): PluginManifest<Schema> {
  return manifest;
}
