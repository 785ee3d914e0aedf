/** Reads the environment, the one place that does, and turns it into checked settings. */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { parseSettings } from './parse-settings.ts';
import { isUrlOf, splitKeys } from './rules.ts';
import { type CoreEnvironment, coreSchema } from './schema.ts';

/** Raw settings by environment name; none is blank. */
export type Environment = Readonly<Record<string, string>>;

/** A plugin, as far as its settings go. */
export interface SettingsOwner {
  readonly name: string;
  readonly settings: z.ZodObject<Record<string, z.ZodType>>;
}

/** The process's environment, with the file `.env` of the working directory beneath it. */
export function readEnvironment(
  source: Readonly<Record<string, string | undefined>> = process.env,
  dotEnv = '.env',
): Environment {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...readDotEnv(dotEnv), ...source })) {
    if (value !== undefined && value.trim() !== '') environment[name] = value.trim();
  }
  return environment;
}

function readDotEnv(file: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    throw new ConfigError([`${file}: cannot read it (${code})`]);
  }
}

/**
 * Makes libuv's thread pool as large as this, unless it is larger; of use only before anything has used the pool (files,
 * DNS, hashing, signing). Children inherit it.
 */
export function ensureThreadPool(
  threads: number,
  target: Record<string, string | undefined> = process.env,
): void {
  const given = Number(target['UV_THREADPOOL_SIZE']);
  if (!(given >= threads)) target['UV_THREADPOOL_SIZE'] = String(threads);
}

export interface CoreConfig extends CoreEnvironment {
  readonly publicUrl: URL;
  readonly apiAudience: string;
  /** API_TITLE, or the host of API_AUDIENCE. */
  readonly apiTitle: string;
  /** True without DATABASE_URL. */
  readonly embedded: boolean;
  /** MIGRATE_ON_START, or what applies without it. */
  readonly mayMigrate: boolean;
  /** DRAIN_DELAY, or what applies without it; seconds. */
  readonly drainDelay: number;
  /** SECRET_KEY, split; empty when it is to be generated. */
  readonly secretKeys: readonly string[];
}

/** Checks the core's settings and those of these plugins. Throws ConfigError with every fault. */
export function resolveConfig(
  environment: Environment,
  owners: readonly SettingsOwner[] = [],
): CoreConfig {
  const core = parseSettings(coreSchema, environment, 'core');
  const values = core.values as Partial<CoreEnvironment>;
  const faults = [...core.faults, ...crossFaults(values, environment)];
  for (const { name, settings } of owners) {
    faults.push(...parseSettings(settings, environment, name).faults);
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return deriveConfig(values as CoreEnvironment);
}

/** Connections of one process that are not of its pool: listening, a command now and then. */
const BESIDE_POOL = 3;
/** As `launch-postmaster.ts` starts it. */
const EMBEDDED_CONNECTIONS = 100;

/** Rules over several settings; `values` lacks those that are at fault themselves. */
function crossFaults(values: Partial<CoreEnvironment>, environment: Environment): string[] {
  const faults: string[] = [];
  const { SESSION_IDLE_TTL, SESSION_TTL, WEB_CONCURRENCY, DATABASE_POOL } = values;
  const isHttps = isUrlOf(environment['PUBLIC_URL'] ?? '', ['https:']);
  if (isHttps && environment['SECRET_KEY'] === undefined) {
    faults.push(
      'SECRET_KEY: is required when PUBLIC_URL is https (make one: openssl rand -hex 32)',
    );
  }
  const connections = (WEB_CONCURRENCY ?? 1) * ((DATABASE_POOL ?? 0) + BESIDE_POOL);
  if (environment['DATABASE_URL'] === undefined && connections > EMBEDDED_CONNECTIONS) {
    faults.push(
      `DATABASE_POOL: all processes together may need ${connections} connections, and the embedded PostgreSQL takes ${EMBEDDED_CONNECTIONS}`,
    );
  }
  if (SESSION_IDLE_TTL && SESSION_TTL && SESSION_IDLE_TTL > SESSION_TTL) {
    faults.push('SESSION_IDLE_TTL: must not be greater than SESSION_TTL');
  }
  return faults;
}

function deriveConfig(core: CoreEnvironment): CoreConfig {
  const given = new URL(core.PUBLIC_URL ?? `http://localhost:${core.PORT}`);
  const base = given.pathname.replace(/\/$/, '');
  const publicUrl = new URL(base || '/', given);
  const embedded = core.DATABASE_URL === undefined;
  const apiAudience = core.API_AUDIENCE ?? `${publicUrl.origin}${base}/api`;
  return {
    ...core,
    publicUrl,
    apiAudience,
    apiTitle: core.API_TITLE ?? (new URL(apiAudience).host || apiAudience),
    embedded,
    drainDelay: core.DRAIN_DELAY ?? (publicUrl.protocol === 'https:' ? 5 : 0),
    mayMigrate: core.MIGRATE_ON_START ?? embedded,
    secretKeys: core.SECRET_KEY === undefined ? [] : splitKeys(core.SECRET_KEY),
  };
}
