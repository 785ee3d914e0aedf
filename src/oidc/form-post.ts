/** `response_mode=form_post` (OAuth 2.0 Form Post Response Mode): the one page that oidc-provider writes itself. */
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

const POLICY = 'Content-Security-Policy';

/** Its form ends wherever the client's callback redirects to, and Chromium holds `form-action` against all of that chain. */
export function letFormPostLeave(provider: Provider): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    const policy = ctx.response.get(POLICY);
    // Pages of ours, those of errors among them, have no inline script and so no hash of one.
    if (policy.includes("'sha256-")) ctx.set(POLICY, policy.replace(/; ?form-action [^;]*/, ''));
  });
}
