import type { BaseRequest, Request } from 'koa';

/**
 * Pins what Koa derives from `Host` and `X-Forwarded-*` to PUBLIC_URL, so that no request can choose the
 * origin of a URL we build. Done on the app's and on oidc-provider's request prototype.
 */
export function pinPublicUrl(request: BaseRequest, publicUrl: URL): void {
  const fixed = {
    protocol: publicUrl.protocol.slice(0, -1),
    secure: publicUrl.protocol === 'https:',
    host: publicUrl.host,
    hostname: publicUrl.hostname,
    origin: publicUrl.origin,
  };
  for (const [name, value] of Object.entries(fixed)) {
    Object.defineProperty(request, name, { get: () => value, configurable: true });
  }
  // Koa answers an absolute-form request target from the client as `href`; ours is always built.
  Object.defineProperty(request, 'href', {
    get(this: Request) {
      const { originalUrl } = this;
      const path = originalUrl.startsWith('/') ? originalUrl : '/';
      return `${fixed.origin}${path}`;
    },
    configurable: true,
  });
}

/** Path of PUBLIC_URL without a trailing slash: '' or `/sub`. */
export const basePath = (publicUrl: URL): string => publicUrl.pathname.replace(/\/$/, '');

/** The issuer identifier: PUBLIC_URL without a trailing slash (RFC 8414 §2). */
export const issuerOf = (publicUrl: URL): string => publicUrl.href.replace(/\/$/, '');
