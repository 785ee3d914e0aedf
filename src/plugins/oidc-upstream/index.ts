/** Sign in with any OpenID provider that settings name. Owns nothing but the settings. */
import { definePlugin } from '../../kernel/plugin.ts';
import {
  type Claims,
  callbackUrl,
  createOpenIdProvider,
  Federation,
} from '../federation/contract.ts';
import { type ProviderSettings, settings } from './settings.ts';

/** What the claims say, as the settings map them; types are checked by `federation`. */
const identify = ({ claims: from, trust_email: trusted }: ProviderSettings, claims: Claims) => ({
  email: claims[from.email] as string | undefined,
  emailVerified: trusted || claims[from.email_verified] === true,
  name: claims[from.name] as string | undefined,
  locale: claims[from.locale] as string | undefined,
});

export const oidcUpstream = definePlugin({
  name: 'oidc-upstream',
  kernel: 1,
  dependsOn: ['federation'],
  settings,
  enabled: ({ OIDC_PROVIDERS }) => OIDC_PROVIDERS.length > 0,
  notes: ({ OIDC_PROVIDERS }, publicUrl) =>
    OIDC_PROVIDERS.map(({ id, name }) => `redirect URI for ${name}: ${callbackUrl(publicUrl, id)}`),
  setup({ settings: { OIDC_PROVIDERS }, clock, use }) {
    const { fetch, register } = use(Federation);
    for (const provider of OIDC_PROVIDERS) {
      register(
        createOpenIdProvider({
          id: provider.id,
          label: provider.name,
          issuer: provider.issuer,
          clientId: provider.client_id,
          clientSecret: provider.client_secret,
          scope: provider.scopes,
          emailClaim: provider.claims.email,
          ...{ fetch, clock },
          identify: (claims) => identify(provider, claims),
        }),
      );
    }
    return {};
  },
});
