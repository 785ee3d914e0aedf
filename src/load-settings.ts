import { ConfigError } from '../config/config-error.ts';
import {
  type CoreConfig,
  type Environment,
  readEnvironment,
  resolveConfig,
} from '../config/load.ts';
import { coreSchema, splitList } from '../config/schema.ts';
import { generatedSecretKey } from '../config/secret-key.ts';
import { readSettingFiles } from '../config/setting-files.ts';
import type { Plugin } from './kernel/plugin.ts';
import { checkManifests } from './kernel/registry.ts';
import { builtIn, CORE_PLUGINS, installedPlugins } from './plugins.ts';

export interface Loaded {
  readonly config: CoreConfig;
  readonly environment: Environment;
  /** Switched on, in start order. */
  readonly plugins: readonly Plugin[];
  /** Also those that are switched off. */
  readonly installed: readonly Plugin[];
}

/** Settings and plugins as the environment asks for them; touches no storage. Throws ConfigError with every fault at once. */
export async function loadSettings(given: Environment = readEnvironment()): Promise<Loaded> {
  const core = readSettingFiles(given, Object.keys(coreSchema.shape));
  const { plugins: installed, faults: loading } = await installedPlugins(
    splitList(core.environment['PLUGINS'] ?? ''),
  );
  const { environment, faults: reading } = readSettingFiles(
    core.environment,
    settingNames(installed),
  );
  const faults = [...core.faults, ...loading, ...reading];
  const disabled = [...new Set(splitList(environment['PLUGINS_DISABLED'] ?? ''))];
  const names = new Set(installed.map(({ name }) => name));
  for (const name of disabled) {
    if (!names.has(name)) faults.push(`PLUGINS_DISABLED: there is no plugin "${name}"`);
  }
  const wanted = installed.filter(({ name }) => !disabled.includes(name));
  const config = collect(faults, () => resolveConfig(environment, wanted));
  const plugins = collect(faults, () => {
    // Only settings without a fault can tell whether their plugin is switched on.
    const enabled = config ? wanted.filter((plugin) => isEnabled(plugin, environment)) : wanted;
    const missing = switchedOff(installed, enabled, disabled);
    faults.push(...missing.map(({ fault }) => fault));
    return checkManifests(withoutNeeders(enabled, new Set(missing.map(({ name }) => name))));
  });
  if (!config || !plugins || faults.length > 0) throw new ConfigError(faults);
  return { config, environment, plugins, installed };
}

interface SwitchedOff {
  readonly name: string;
  readonly fault: string;
}

/** What is installed and off although something needs it: each with a fault that says who does. */
function switchedOff(
  installed: readonly Plugin[],
  enabled: readonly Plugin[],
  disabled: readonly string[],
): SwitchedOff[] {
  // A plugin of somebody else's may provide the same services, which only its set-up tells.
  const coreNeeds = installed.length === builtIn.length ? CORE_PLUGINS : [];
  const on = new Set(enabled.map(({ name }) => name));
  const off = installed.filter(({ name }) => !on.has(name));
  return off.flatMap(({ name }): SwitchedOff[] => {
    const dependents = enabled.filter(({ dependsOn }) => dependsOn?.includes(name));
    const needers = dependents.map((one) => `"${one.name}"`);
    if (disabled.includes(name) && coreNeeds.includes(name)) needers.unshift('the core');
    if (needers.length === 0) return [];
    const fault = disabled.includes(name)
      ? `PLUGINS_DISABLED: "${name}" cannot be left out, it is needed by ${needers.join(', ')}`
      : `Plugin "${name}" is needed by ${needers.join(', ')}, and its settings leave it switched off`;
    return [{ name, fault }];
  });
}

/** Those that need none of these, nor each other's: what is missing has been told. */
function withoutNeeders(plugins: readonly Plugin[], missing: ReadonlySet<string>): Plugin[] {
  const left = plugins.filter(({ dependsOn = [] }) => !dependsOn.some((name) => missing.has(name)));
  const gone = plugins.filter((plugin) => !left.includes(plugin)).map(({ name }) => name);
  return gone.length === 0 ? left : withoutNeeders(left, new Set([...missing, ...gone]));
}

/** Names of the plugins' settings, less those of the core, whose files have been read. */
const settingNames = (plugins: readonly Plugin[]): Set<string> => {
  const names = plugins.flatMap(({ settings }) => Object.keys(settings.shape));
  return new Set(names.filter((name) => !(name in coreSchema.shape)));
};

function collect<Result>(faults: string[], work: () => Result): Result | undefined {
  try {
    return work();
  } catch (error) {
    faults.push(...(error instanceof ConfigError ? error.faults : [(error as Error).message]));
    return undefined;
  }
}

const isEnabled = (plugin: Plugin, environment: Environment): boolean =>
  plugin.enabled?.(plugin.settings.parse(environment)) ?? true;

/** What plugins tell whoever runs the server, such as redirect URIs to register elsewhere. */
export const notesOf = ({ config, environment, plugins }: Loaded): string[] =>
  plugins.flatMap(({ name, notes, settings }) => {
    try {
      return notes?.(settings.parse(environment), config.publicUrl) ?? [];
    } catch (error) {
      return [`The plugin "${name}" has no notes: ${(error as Error).message}`];
    }
  });

/** A local start makes its own SECRET_KEY, under DATA_DIR. */
export const withSecretKey = (config: CoreConfig): CoreConfig =>
  config.secretKeys.length > 0
    ? config
    : { ...config, secretKeys: [generatedSecretKey(config.DATA_DIR)] };
