import type { Configuration, Provider } from 'oidc-provider';
import type { Exchange } from '../kernel/route.ts';
import type { StateStore } from '../kernel/store.ts';
import { ACTED_ON } from './lifetimes.ts';
import { storeKey } from './store-key.ts';

export interface KeepInteractionDependencies {
  readonly provider: Provider;
  readonly store: Pick<StateStore, 'expire'>;
  /** oidc-provider's own settings of its cookies. */
  readonly cookies: Configuration['cookies'];
}

/**
 * The person has posted a form of an authorization request: it goes on for `ACTED_ON` from now, in the store and in the
 * browser. One command, which makes nothing of a request that is over: answers false then.
 */
export function createKeepInteraction({ provider, store, cookies }: KeepInteractionDependencies) {
  return async (
    { uid, returnTo }: { readonly uid: string; readonly returnTo: string },
    { req, res }: Exchange,
    page: string,
  ): Promise<boolean> => {
    if (!(await store.expire(storeKey('Interaction', uid), ACTED_ON))) return false;
    const jar = provider.createContext(req, res).cookies;
    const paths = { interaction: page, resume: new URL(returnTo).pathname };
    for (const [name, path] of Object.entries(paths)) {
      const options = { ...cookies?.short, path, maxAge: ACTED_ON * 1000 };
      jar.set(provider.cookieName(name as keyof typeof paths), uid, options);
    }
    return true;
  };
}
