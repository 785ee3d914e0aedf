/** Sign in with Google. Owns nothing but the settings. */
import { definePlugin } from '../../kernel/plugin.ts';
import {
  type Claims,
  callbackUrl,
  createOpenIdProvider,
  Federation,
  federationProblems,
} from '../federation/contract.ts';
import { diagnoseRedirectUri } from './diagnose.ts';
import { settings } from './settings.ts';

/** The claim `hd` is signed; what was asked for with the parameter of that name is only a hint. */
const checkDomain = (claims: Claims, domain: string | undefined): void => {
  if (domain === undefined || claims['hd'] === domain) return;
  throw federationProblems.notAdmitted({
    detail: `Only Google accounts of ${domain} are admitted here.`,
  });
};

export const google = definePlugin({
  name: 'google',
  kernel: 1,
  dependsOn: ['federation'],
  settings,
  enabled: ({ GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET }) =>
    GOOGLE_CLIENT_ID !== undefined && GOOGLE_CLIENT_SECRET !== undefined,
  notes: (_settings, publicUrl) => [`redirect URI for Google: ${callbackUrl(publicUrl, 'google')}`],
  setup({ settings: set, core, clock, use }) {
    const { fetch, register, keepsTokens } = use(Federation);
    const domain = set.GOOGLE_HOSTED_DOMAIN;
    register(
      createOpenIdProvider({
        id: 'google',
        label: 'Google',
        issuer: set.GOOGLE_ISSUER,
        clientId: set.GOOGLE_CLIENT_ID ?? '',
        clientSecret: set.GOOGLE_CLIENT_SECRET ?? '',
        scope: 'openid email profile',
        parameters: {
          ...(domain !== undefined && { hd: domain }),
          // Google's way to ask for a refresh token: with an access token no grant can be given back an hour later.
          ...(keepsTokens && { access_type: 'offline' }),
        },
        // Google knows no `prompt=login`.
        reauthentication: { prompt: 'select_account' },
        ...{ fetch, clock },
        identify(claims) {
          checkDomain(claims, domain);
          return {
            email: claims['email'] as string | undefined,
            emailVerified: claims['email_verified'] === true,
            name: claims['name'] as string | undefined,
            locale: claims['locale'] as string | undefined,
          };
        },
      }),
    );
    return { diagnoses: [diagnoseRedirectUri(core.publicUrl)] };
  },
});
