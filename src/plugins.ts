/** Every installed plugin: the one list to edit when adding or removing a feature. */
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from './kernel/plugin.ts';
import { account } from './plugins/account/index.ts';
import { browserSessions } from './plugins/browser-sessions/index.ts';
import { clients } from './plugins/clients/index.ts';
import { consent } from './plugins/consent/index.ts';
import { emailLinks } from './plugins/email-links/index.ts';
import { federation } from './plugins/federation/index.ts';
import { github } from './plugins/github/index.ts';
import { google } from './plugins/google/index.ts';
import { grants } from './plugins/grants/index.ts';
import { keys } from './plugins/keys/index.ts';
import { knownBrowsers } from './plugins/known-browsers/index.ts';
import { lifetimes } from './plugins/lifetimes/index.ts';
import { mail } from './plugins/mail/index.ts';
import { oidcUpstream } from './plugins/oidc-upstream/index.ts';
import { rateLimit } from './plugins/rate-limit/index.ts';
import { requestId } from './plugins/request-id/index.ts';
import { restore } from './plugins/restore/index.ts';
import { revocations } from './plugins/revocations/index.ts';
import { roles } from './plugins/roles/index.ts';
import { sessions } from './plugins/sessions/index.ts';
import { signIn } from './plugins/sign-in/index.ts';
import { signInNotices } from './plugins/sign-in-notices/index.ts';
import { userAdmin } from './plugins/user-admin/index.ts';
import { users } from './plugins/users/index.ts';

export const builtIn: readonly Plugin[] = [
  requestId,
  rateLimit,
  mail,
  lifetimes,
  keys,
  knownBrowsers,
  revocations,
  grants,
  sessions,
  browserSessions,
  users,
  emailLinks,
  roles,
  userAdmin,
  clients,
  consent,
  signIn,
  signInNotices,
  account,
  federation,
  google,
  github,
  oidcUpstream,
  restore,
];

/** Plugins whose services the core itself uses: without them, or others that provide the same, there is no server. */
export const CORE_PLUGINS: readonly string[] = [
  'keys',
  'revocations',
  'grants',
  'sessions',
  'users',
  'roles',
  'clients',
  'consent',
];

/**
 * The built-in plugins and those of PLUGINS: paths (from the working directory) or package names.
 * A fault names the plugin that cannot be loaded and why.
 */
export async function installedPlugins(
  specifiers: readonly string[],
): Promise<{ readonly plugins: readonly Plugin[]; readonly faults: readonly string[] }> {
  const loaded = await Promise.all(specifiers.map(loadPlugin));
  return {
    plugins: [...builtIn, ...loaded.filter((one) => typeof one !== 'string')],
    faults: loaded.filter((one) => typeof one === 'string'),
  };
}

/** The plugin, or what is wrong with it. */
async function loadPlugin(specifier: string): Promise<Plugin | string> {
  const isPath = specifier.startsWith('.') || isAbsolute(specifier);
  const url = isPath ? pathToFileURL(resolve(specifier)).href : specifier;
  let module: { default?: unknown; plugin?: unknown };
  try {
    module = (await import(url)) as typeof module;
  } catch (error) {
    return `PLUGINS: cannot load "${specifier}": ${(error as Error).message}`;
  }
  const plugin = (module.default ?? module.plugin) as Partial<Plugin> | undefined;
  if (!plugin?.name || !plugin.settings || typeof plugin.setup !== 'function') {
    return `PLUGINS: "${specifier}" exports no plugin (as default or "plugin")`;
  }
  return plugin as Plugin;
}
