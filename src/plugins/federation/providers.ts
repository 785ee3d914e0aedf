import { type Log, PluginError } from '../../kernel/plugin.ts';
import { problems } from './problems.ts';
import type { UpstreamProvider } from './upstream.ts';

const ID = /^[a-z0-9][a-z0-9-]{0,39}$/;

export type Providers = ReturnType<typeof createProviders>;

/** The providers of all plugins, less those that are switched off: nothing answers for these any more. */
export function createProviders(disabled: readonly string[]) {
  const known = new Map<string, UpstreamProvider>();
  const enabled = (): UpstreamProvider[] =>
    [...known.values()].filter(({ id }) => !disabled.includes(id));

  return {
    register(provider: UpstreamProvider): void {
      const { id, issuer } = provider;
      if (!ID.test(id)) {
        throw new PluginError(`Provider "${id}": an id has lower-case letters, digits and "-"`);
      }
      // Two of one issuer would share identities, and a client of one could sign in for the other.
      const other = [...known.values()].find((one) => one.id === id || one.issuer === issuer);
      if (other) {
        throw new PluginError(
          `Providers "${other.id}" and "${id}" have the same id or issuer (${issuer})`,
        );
      }
      known.set(id, provider);
    },

    enabled,

    issuers: () => enabled().map(({ issuer }) => issuer),

    /** Names that are switched off, but are none: a slip of whoever wrote the setting. */
    warnOfUnknown(log: Pick<Log, 'warn'>): void {
      for (const provider of disabled.filter((id) => !known.has(id))) {
        const event = 'federation.unknown_provider';
        log.warn({ event, provider }, 'FEDERATION_DISABLED names no provider');
      }
    },

    /** Throws `federation:unknown-provider`, also for those that are switched off. */
    get(id: string): UpstreamProvider {
      const provider = enabled().find((one) => one.id === id);
      if (!provider) throw problems.unknownProvider();
      return provider;
    },

    /** Also those that are switched off: what is stored of them is still the user's. */
    known: (id: string): UpstreamProvider | undefined => known.get(id),
  };
}
