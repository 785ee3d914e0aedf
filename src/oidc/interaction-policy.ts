/** When a person is asked, and where. */
import { decodeJwt } from 'jose';
import { interactionPolicy, type UnknownObject } from 'oidc-provider';
import type { Prompt } from '../kernel/oidc.ts';
import { isForApi, mayUseApi, type Resources } from './resources.ts';

/** oidc-provider's `interactions.url`: the page of one step. */
export const interactionUrl =
  (publicUrl: URL) =>
  (_ctx: unknown, { uid }: { uid: string }) =>
    `${publicUrl.pathname.replace(/\/$/, '')}/interaction/${uid}`;

/** oidc-provider's prompts and those of plugins. A user who was disabled while signed in gets the sign-in page, not an error. */
export function policy(prompts: readonly Prompt[], resources: Resources) {
  const base = interactionPolicy.base();
  const { Check } = interactionPolicy;
  for (const { name, requestable } of prompts) {
    if (requestable) base.add(new interactionPolicy.Prompt({ name, requestable }), 0);
  }
  const checks = base.get('login')?.checks;
  checks?.add(
    new Check(
      'account_unavailable',
      'the account is not available',
      'login_required',
      (ctx) => Boolean(ctx.oidc.session?.accountId) && !ctx.oidc.account,
    ),
  );
  // Nobody else's tokens for an id_token_hint (OIDC Core §3.1.2.2): oidc-provider looks before the sign-in only.
  checks?.add(
    new Check(
      'id_token_hint_after_sign_in',
      'id_token_hint and authenticated subject do not match',
      'login_required',
      ({ oidc }) => oidc.route === 'resume' && isForAnother(oidc.params, oidc.session?.accountId),
    ),
  );
  // oidc-provider asks for scopes only; a request may name the API and no scope.
  base.get('consent')?.checks.add(
    new Check('api_missing', 'the API was not granted', 'consent_required', (ctx) => {
      const { client, resourceServers = {} } = ctx.oidc;
      const isAsked = Object.hasOwn(resourceServers, resources.api);
      const mayHave = client !== undefined && mayUseApi(client, resources);
      return isAsked && mayHave && !isForApi(ctx, resources.api, resources);
    }),
  );
  return base;
}

/** The hint was proven when the request came in. */
function isForAnother(params: UnknownObject | undefined, accountId: string | undefined): boolean {
  const hint = params?.['id_token_hint'];
  return typeof hint === 'string' && decodeJwt(hint).sub !== accountId;
}
