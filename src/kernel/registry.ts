/** Collects what all plugins add and refuses what two of them claim. */
import { Claims, claimContributions, claimManifest } from './claims.ts';
import { BATCH } from './in-batches.ts';
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

/** Orders the plugins and checks all that they state without being set up. Throws PluginError that names the plugins. */
export function checkManifests(plugins: readonly Plugin[]): Plugin[] {
  const ordered = orderPlugins(plugins);
  const claims = new Claims();
  for (const plugin of plugins) {
    if (plugin.kernel !== KERNEL_VERSION) {
      throw new PluginError(
        `Plugin "${plugin.name}" was written for kernel ${plugin.kernel}; this is kernel ${KERNEL_VERSION}`,
      );
    }
    claimManifest(claims, plugin);
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
  const claims = new Claims();
  const services = new Map<string, { owner: string; service: unknown }>();
  const added: { plugin: string; contributions: Contributions }[] = [];

  const find = <Service>(
    token: ServiceToken<Service>,
    asker: string,
    may: (o: string) => boolean,
  ) => {
    const found = services.get(token.name);
    if (!found) throw new PluginError(nobodyProvides(asker, token.name));
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
    const failures: unknown[] = [];
    for (const { plugin, contributions } of added) {
      try {
        await contributions.afterRestore?.();
      } catch (error) {
        failures.push(error);
        const fields = { event: 'restore.failed', plugin, err: error };
        shared.log.error(fields, 'something that the restored database revived was not ended');
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  for (const plugin of ordered) {
    const may = (owner: string): boolean => plugin.dependsOn?.includes(owner) ?? false;
    const contributions = plugin.setup({
      ...shared,
      userData,
      credentialsChanged,
      afterRestore,
      secrets: {
        keys(purpose) {
          claims.keep(plugin.name, 'key purpose', purpose);
          return shared.secrets.keys(purpose);
        },
      },
      settings: plugin.settings.parse(settings),
      use: (token) => find(token, plugin.name, may),
    });
    claimContributions(claims, plugin.name, contributions);
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
    use: (token) => find(token, CORE, () => true),
  };
}

const CORE = 'core';

/** What to look at when something that is built in is missing. */
export const ARE_ALL_ON = 'Does PLUGINS_DISABLED name a plugin that should be on?';

const nobodyProvides = (asker: string, service: string): string =>
  asker === CORE
    ? `The core uses the service "${service}", which no plugin provides. ${ARE_ALL_ON}`
    : `"${asker}" uses the service "${service}", which nobody provides`;

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
