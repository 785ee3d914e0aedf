/** Orders plugins so that each is set up after those it depends on. */
import { PluginError } from './plugin.ts';

interface Ordered {
  readonly name: string;
  readonly dependsOn?: readonly string[];
}

/** Throws PluginError that names the plugins when a dependency is missing, doubled or cyclic. */
export function orderPlugins<Plugin extends Ordered>(plugins: readonly Plugin[]): Plugin[] {
  const byName = new Map<string, Plugin>();
  for (const plugin of plugins) {
    if (byName.has(plugin.name)) throw new PluginError(`Two plugins are named "${plugin.name}"`);
    byName.set(plugin.name, plugin);
  }
  const ordered = new Set<Plugin>();
  const visit = (plugin: Plugin, path: readonly string[]): void => {
    if (path.includes(plugin.name)) {
      throw new PluginError(`Plugin cycle: ${[...path, plugin.name].join(' -> ')}`);
    }
    if (ordered.has(plugin)) return;
    for (const name of plugin.dependsOn ?? []) {
      const dependency = byName.get(name);
      if (!dependency) {
        throw new PluginError(`Plugin "${plugin.name}" needs "${name}", which is not installed`);
      }
      visit(dependency, [...path, plugin.name]);
    }
    ordered.add(plugin);
  };
  for (const plugin of plugins) visit(plugin, []);
  return [...ordered];
}
