/** Where forms may lead: Chromium applies CSP `form-action` to a form's target and to the redirects that follow. */
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

const POLICY = 'Content-Security-Policy';

/** A URI of a client as a CSP source: its origin, or the scheme of a native client. */
export function formActionSource(uri: string): string {
  const { origin, protocol, hostname } = new URL(uri);
  // The grammar of CSP sources has no IPv6 addresses (CSP3 §2.3.1).
  return origin === 'null' || hostname.startsWith('[') ? protocol : origin;
}

/** A redirect URI as people know it: `shop.example.com`, or the scheme of a native client. */
export function redirectHost(uri: string): string {
  const { host, protocol } = new URL(uri);
  return /^https?:$/.test(protocol) ? host : protocol.slice(0, -1);
}

/** Lets the pages that oidc-provider itself answers with, form_post and sign-out, reach the client they are for. */
export function allowFormTargets(provider: Provider): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<void>) => {
    await next();
    const target = ctx.response.is('html') ? targetOf(ctx) : undefined;
    if (target === undefined) return;
    const policy = ctx.response.get(POLICY);
    ctx.set(
      POLICY,
      policy.replace(/form-action [^;]*/, (own) => `${own} ${formActionSource(target)}`),
    );
  });
}

/** Only a URI that the client registered: error pages are for requests that came with any other. */
function targetOf({ oidc }: KoaContextWithOIDC): string | undefined {
  const { client, params, route } = oidc ?? {};
  if (!client || !params) return undefined;
  if (route === 'authorization' || route === 'resume') {
    const { redirect_uri: uri, response_mode: mode } = params;
    if (mode !== 'form_post' || typeof uri !== 'string') return undefined;
    return client.redirectUriAllowed(uri) ? uri : undefined;
  }
  const uri = route === 'end_session' ? params['post_logout_redirect_uri'] : undefined;
  if (typeof uri !== 'string') return undefined;
  return client.postLogoutRedirectUriAllowed(uri) ? uri : undefined;
}
