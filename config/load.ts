/** Reads the environment, the one place that does, and turns it into checked settings. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { loadEnvFile } from 'node:process';
import type { z } from 'zod';
import { type CoreEnvironment, coreSchema } from './schema.ts';

/** Raw settings by environment name. */
export type Environment = Readonly<Record<string, string>>;

/** Everything wrong with the settings, said at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`Settings are not usable:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}

/** A plugin, as far as its settings go. */
export interface SettingsOwner {
  readonly name: string;
  readonly settings: z.ZodObject<Record<string, z.ZodType>>;
}

/** The process's environment with `.env` beneath it; `NAME_FILE` names a file that holds NAME. */
export function readEnvironment(source: NodeJS.ProcessEnv = process.env): Environment {
  if (source === process.env) loadDotEnv();
  const environment: Record<string, string> = {};
  const faults: string[] = [];
  for (const [name, value] of Object.entries(source)) {
    if (value === undefined || value === '') continue;
    environment[name] = value;
    if (!name.endsWith('_FILE')) continue;
    try {
      environment[name.slice(0, -'_FILE'.length)] ??= readFileSync(value, 'utf8').trim();
    } catch {
      if (isSetting(name.slice(0, -'_FILE'.length))) faults.push(`${name}: cannot read ${value}`);
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return environment;
}

const isSetting = (name: string): boolean => name in coreSchema.shape;

function loadDotEnv(): void {
  try {
    loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

export interface CoreConfig extends CoreEnvironment {
  readonly publicUrl: URL;
  readonly apiAudience: string;
  /** True without DATABASE_URL. */
  readonly embedded: boolean;
  /** SECRET_KEY, split; empty when it is to be generated. */
  readonly secretKeys: readonly string[];
}

/** Checks the core's and all plugins' settings. Throws ConfigError with every fault. */
export function resolveConfig(
  environment: Environment,
  owners: readonly SettingsOwner[] = [],
): CoreConfig {
  const faults: string[] = [];
  const core = coreSchema.safeParse(environment);
  if (!core.success) faults.push(...faultsOf(core.error));
  for (const owner of owners) {
    const parsed = owner.settings.safeParse(environment);
    if (!parsed.success) faults.push(...faultsOf(parsed.error));
  }
  if (core.success) {
    const known = new Set(owners.map(({ name }) => name));
    for (const name of core.data.PLUGINS_DISABLED) {
      if (known.size > 0 && !known.has(name)) faults.push(`PLUGINS_DISABLED: no plugin "${name}"`);
    }
  }
  const config = core.success ? deriveConfig(core.data, faults) : undefined;
  if (!config || faults.length > 0) throw new ConfigError([...new Set(faults)]);
  return config;
}

const faultsOf = (error: z.ZodError): string[] =>
  error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);

function deriveConfig(core: CoreEnvironment, faults: string[]): CoreConfig {
  const publicUrl = new URL(core.PUBLIC_URL ?? `http://localhost:${core.PORT}`);
  const secretKeys = (core.SECRET_KEY ?? '').split(',').filter(Boolean);
  checkPublicUrl(publicUrl, faults);
  checkSecretKeys(secretKeys, publicUrl, faults);
  if (core.SESSION_IDLE_TTL > core.SESSION_TTL) {
    faults.push('SESSION_IDLE_TTL: must not be greater than SESSION_TTL');
  }
  for (const proxy of core.TRUST_PROXY) {
    const [address = '', bits = '0'] = proxy.split('/');
    if (isIP(address) === 0 || !/^\d{1,3}$/.test(bits)) {
      faults.push(`TRUST_PROXY: "${proxy}" is neither an address nor a CIDR`);
    }
  }
  const base = publicUrl.pathname.replace(/\/$/, '');
  const issuer = new URL(base || '/', publicUrl);
  return {
    ...core,
    publicUrl: issuer,
    apiAudience: core.API_AUDIENCE ?? `${issuer.origin}${base}/api`,
    embedded: core.DATABASE_URL === undefined,
    secretKeys,
  };
}

const isLoopback = ({ hostname }: URL): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);

function checkPublicUrl(publicUrl: URL, faults: string[]): void {
  if (publicUrl.protocol === 'http:' && !isLoopback(publicUrl)) {
    faults.push('PUBLIC_URL: must be https unless the host is localhost or a loopback address');
  }
  if (publicUrl.search || publicUrl.hash || publicUrl.username) {
    faults.push('PUBLIC_URL: must have no query, no fragment and no user name');
  }
}

const EXAMPLE = /change.?me|example|secret.?key|^(.)\1+$|password/i;

function checkSecretKeys(keys: readonly string[], publicUrl: URL, faults: string[]): void {
  if (keys.length === 0 && publicUrl.protocol === 'https:') {
    faults.push(
      'SECRET_KEY: is required when PUBLIC_URL is https (make one: openssl rand -hex 32)',
    );
  }
  for (const key of keys) {
    if (Buffer.byteLength(key) < 32) faults.push('SECRET_KEY: must be at least 32 bytes');
    else if (EXAMPLE.test(key)) faults.push('SECRET_KEY: is an example, not a secret');
  }
}
