/** Sign in with GitHub: the example of OAuth 2.0 without ID token. Owns nothing but the settings. */
import { definePlugin } from '../../kernel/plugin.ts';
import { callbackUrl, Federation } from '../federation/contract.ts';
import { createGithubProvider } from './github-provider.ts';
import { settings } from './settings.ts';

export const github = definePlugin({
  name: 'github',
  kernel: 1,
  dependsOn: ['federation'],
  settings,
  enabled: ({ GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET }) =>
    GITHUB_CLIENT_ID !== undefined && GITHUB_CLIENT_SECRET !== undefined,
  notes: (_settings, publicUrl) => [`redirect URI for GitHub: ${callbackUrl(publicUrl, 'github')}`],
  setup({ settings: set, use }) {
    const { fetch, register } = use(Federation);
    register(
      createGithubProvider({
        url: set.GITHUB_URL.replace(/\/$/, ''),
        clientId: set.GITHUB_CLIENT_ID ?? '',
        clientSecret: set.GITHUB_CLIENT_SECRET ?? '',
        fetch,
      }),
    );
    return {};
  },
});
