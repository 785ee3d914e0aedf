/** When a person is asked, and where. */
import { interactionPolicy } from 'oidc-provider';
import type { Prompt } from '../kernel/oidc.ts';

/** oidc-provider's `interactions.url`: the page of one step. */
export const interactionUrl =
  (publicUrl: URL) =>
  (_ctx: unknown, { uid }: { uid: string }) =>
    `${publicUrl.pathname.replace(/\/$/, '')}/interaction/${uid}`;

/** oidc-provider's prompts and those of plugins. A user who was disabled while signed in gets the sign-in page, not an error. */
export function policy(prompts: readonly Prompt[]) {
  const base = interactionPolicy.base();
  const { Check } = interactionPolicy;
  for (const { name, requestable } of prompts) {
    if (requestable) base.add(new interactionPolicy.Prompt({ name, requestable }), 0);
  }
  base
    .get('login')
    ?.checks.add(
      new Check(
        'account_unavailable',
        'the account is not available',
        'login_required',
        (ctx) => Boolean(ctx.oidc.session?.accountId) && !ctx.oidc.account,
      ),
    );
  return base;
}
