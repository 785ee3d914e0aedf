import {
  ConfigError,
  type CoreConfig,
  type Environment,
  readEnvironment,
  resolveConfig,
} from '../config/load.ts';
import { generatedSecretKey } from '../config/secret-key.ts';
import type { Plugin } from './kernel/plugin.ts';
import { checkManifests } from './kernel/registry.ts';
import { installedPlugins } from './plugins.ts';

export interface Loaded {
  readonly config: CoreConfig;
  readonly environment: Environment;
  /** Switched on, in start order. */
  readonly plugins: readonly Plugin[];
}

/** Settings and plugins as the environment asks for them. Throws ConfigError with every fault at once. */
export async function loadSettings(environment: Environment = readEnvironment()): Promise<Loaded> {
  const specifiers = (environment['PLUGINS'] ?? '').split(',').map((text) => text.trim());
  const faults: string[] = [];
  const say = (error: unknown): void => {
    faults.push(...(error instanceof ConfigError ? error.faults : [(error as Error).message]));
  };
  let installed: readonly Plugin[] = [];
  try {
    installed = await installedPlugins(specifiers.filter(Boolean));
  } catch (error) {
    say(error);
    installed = await installedPlugins([]);
  }
  let config: CoreConfig | undefined;
  try {
    config = resolveConfig(environment, installed);
  } catch (error) {
    say(error);
  }
  const disabled = config?.PLUGINS_DISABLED ?? [];
  const chosen = installed.filter((plugin) => !disabled.includes(plugin.name));
  try {
    const enabled = config ? chosen.filter((plugin) => isEnabled(plugin, environment)) : chosen;
    const plugins = checkManifests(enabled);
    if (config && faults.length === 0) return { config: withSecret(config), environment, plugins };
  } catch (error) {
    say(error);
  }
  throw new ConfigError(faults);
}

const isEnabled = (plugin: Plugin, environment: Environment): boolean =>
  plugin.enabled?.(plugin.settings.parse(environment)) ?? true;

/** A local start makes its own SECRET_KEY. */
const withSecret = (config: CoreConfig): CoreConfig =>
  config.secretKeys.length > 0
    ? config
    : { ...config, secretKeys: [generatedSecretKey(config.DATA_DIR)] };
