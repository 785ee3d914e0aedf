import type { FederationService } from './contract.ts';
import { arrivalReply } from './pages.ts';
import type { Providers } from './providers.ts';
import type { Federation } from './service.ts';

interface Dependencies {
  readonly service: Federation;
  readonly providers: Providers;
  readonly keepsTokens: boolean;
  /** For calls to providers. */
  readonly fetch: typeof globalThis.fetch;
  /** Path of PUBLIC_URL: '' or `/sub`. */
  readonly base: string;
}

/** What other plugins may ask of this one. */
export const createPublicService = (dependencies: Dependencies): FederationService => {
  const { service, providers, keepsTokens, base, fetch } = dependencies;
  return {
    fetch,
    keepsTokens,
    register: providers.register,
    options: service.publicOptions,
    complete: async ({ provider, ...proof }, request) =>
      arrivalReply(base, provider, await service.complete(provider, proof, request)),
    signIn: ({ provider, identity }, request) => service.signIn(provider, identity, request),
    beginInteraction: (provider, { uid, reauthenticate }, request) =>
      service.begin(provider, { kind: 'interaction', uid }, request, reauthenticate),
    finishInteraction: service.finishInteraction,
    linkInteraction: service.linkInteraction,
  };
};
