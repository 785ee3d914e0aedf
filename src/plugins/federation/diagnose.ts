/** Whether the providers know us: our client id, and the redirect URI that is to be registered there. */
import { hash } from 'node:crypto';
import type { Random } from '../../kernel/clock.ts';
import { broken, type Diagnosis, type Finding, warning } from '../../kernel/plugin.ts';
import type { Providers } from './providers.ts';
import type { UpstreamProvider } from './upstream.ts';
import { callbackUrl } from './upstream-settings.ts';

interface Dependencies {
  readonly providers: Pick<Providers, 'enabled'>;
  readonly fetch: typeof globalThis.fetch;
  readonly publicUrl: URL;
  readonly random: Random;
}

/** `providers`: asks each as a sign-in would, for an answer without a page (OIDC Core §3.1.2.1, `prompt=none`). */
export const diagnoseProviders = (dependencies: Dependencies): Diagnosis => ({
  name: 'providers',
  async check() {
    const enabled = dependencies.providers.enabled();
    return (await Promise.all(enabled.map((one) => judge(one, dependencies)))).flat();
  },
});

async function judge(provider: UpstreamProvider, parts: Dependencies): Promise<Finding[]> {
  const redirectUri = callbackUrl(parts.publicUrl, provider.id);
  try {
    const url = await authorizationUrl(provider, redirectUri, parts.random);
    if (!provider.answersSilently) return [];
    url.searchParams.set('prompt', 'none');
    const answer = await parts.fetch(url);
    await answer.body?.cancel();
    return judgeAnswer(provider.label, redirectUri, answer);
  } catch (error) {
    const problem = `${provider.label} cannot be reached: ${reasonOf(error)}.`;
    const fix = `Let this machine reach ${provider.issuer} by https, or correct the issuer.`;
    return [broken(problem, fix)];
  }
}

function authorizationUrl(provider: UpstreamProvider, redirectUri: string, random: Random) {
  const codeVerifier = random.token();
  const codeChallenge = hash('sha256', codeVerifier, 'base64url');
  const flow = { redirectUri, state: random.token(), nonce: random.token(), codeVerifier };
  return provider.begin({ ...flow, codeChallenge, reauthenticate: false });
}

/** What a provider says that knows us and has nobody signed in (OIDC Core §3.1.2.6). */
const EXPECTED = [
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
];

/** Errors go back to a redirect URI only when it is registered for a known client (RFC 6749 §4.1.2.1). */
function judgeAnswer(label: string, redirectUri: string, answer: Response): Finding[] {
  const location = answer.headers.get('location') ?? '';
  const fix = `Register exactly ${redirectUri} as redirect URI at ${label}, and compare the client id.`;
  if (location.startsWith(`${redirectUri}?`)) {
    const error = new URL(location).searchParams.get('error') ?? 'none';
    if (EXPECTED.includes(error)) return [];
    return [
      broken(
        `${label} refuses our requests: ${error.slice(0, 60)}.`,
        `See ${label}’s settings of our client.`,
      ),
    ];
  }
  if (answer.status >= 400 || /error/i.test(location)) {
    return [broken(`${label} takes neither our redirect URI nor our client for known.`, fix)];
  }
  return [warning(`${label} does not say whether it knows our redirect URI.`, fix)];
}

/** Node's fetch keeps the reason in `cause`; libraries wrap it once more. */
function reasonOf(error: unknown): string {
  let reason = error as Error;
  while (reason.cause instanceof Error) reason = reason.cause;
  return reason.message.slice(0, 200);
}
