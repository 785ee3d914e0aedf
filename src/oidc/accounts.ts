import type { Account, KoaContextWithOIDC } from 'oidc-provider';
import type { AccountSource } from '../kernel/oidc.ts';
import { collectClaims, type OwnedClaims } from './claims.ts';
import type { ShortenClaims } from './token-size.ts';
import { orUnavailable } from './unavailable.ts';

/** oidc-provider's `findAccount`. An account's claims are asked once and remembered with it. */
export function createFindAccount(
  accounts: AccountSource,
  sources: readonly OwnedClaims[],
  shorten: ShortenClaims,
) {
  return async (ctx: KoaContextWithOIDC, sub: string): Promise<Account | undefined> => {
    const account = await orUnavailable(() => accounts.find(sub));
    if (!account) return undefined;
    let claims: Promise<Record<string, unknown>> | undefined;
    return {
      accountId: sub,
      async claims(use, scope) {
        const clientId = ctx.oidc?.client?.clientId ?? '';
        claims ??= orUnavailable(() =>
          collectClaims(sources, 'account', {
            userId: sub,
            account,
            clientId,
            scopes: new Set(scope.split(' ')),
          }),
        );
        const all = await claims;
        return { ...(use === 'id_token' ? shorten(all, { sub, clientId }) : all), sub };
      },
    };
  };
}
