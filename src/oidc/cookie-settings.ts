/** Names and attributes of the cookies that oidc-provider sets (api.md "Cookies"). */
import type { Configuration } from 'oidc-provider';
import type { CoreSettings, Secrets } from '../kernel/plugin.ts';
import { type CookieSignatures, createCookieSignatures } from './cookie-signatures.ts';

export function cookieSettings(core: CoreSettings, secrets: Secrets): Configuration['cookies'] {
  const secure = core.publicUrl.protocol === 'https:';
  const shared = {
    signed: true,
    httpOnly: true,
    sameSite: 'lax',
    secure,
    overwrite: true,
  } as const;
  return {
    keys: cookieKeys(secrets),
    names: {
      session: secure ? '__Host-session' : 'authsrv-session',
      interaction: secure ? '__Secure-interaction' : 'authsrv-interaction',
      resume: secure ? '__Secure-resume' : 'authsrv-resume',
    },
    long: { ...shared, path: '/' },
    short: shared,
  };
}

/** Keys of signed cookies, for Koa as well: both read each other's. */
export const cookieKeys = (secrets: Secrets): CookieSignatures =>
  createCookieSignatures(secrets.keys('cookies').map((key) => key.toString('base64url')));
