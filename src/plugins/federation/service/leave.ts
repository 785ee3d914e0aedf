import { createHash } from 'node:crypto';
import { type Clock, epochSeconds, type Random } from '../../../kernel/clock.ts';
import type { Log } from '../../../kernel/plugin.ts';
import type { RequestInfo } from '../../../kernel/route.ts';
import { callUpstream } from '../call-upstream.ts';
import type { Flows, Goal } from '../flows.ts';
import type { Providers } from '../providers.ts';
import { callbackUrl } from '../upstream-settings.ts';

export interface LeaveDependencies {
  readonly providers: Providers;
  readonly flows: Flows;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly publicUrl: URL;
}

/** Sends a browser to a provider: where to, and the cookie it must come back with. Throws `federationProblems`. */
export function createLeave({
  providers,
  flows,
  clock,
  random,
  log,
  publicUrl,
}: LeaveDependencies) {
  return async (id: string, goal: Goal, request: RequestInfo, reauthenticate = false) => {
    const provider = providers.get(id);
    const [nonce, codeVerifier] = [random.token(), random.token()];
    const { state, cookies } = await flows.begin(
      {
        ...{ provider: id, nonce, codeVerifier, goal },
        ...(reauthenticate && { provenSince: epochSeconds(clock) }),
      },
      request,
    );
    const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
    const asked = {
      redirectUri: callbackUrl(publicUrl, id),
      state,
      nonce,
      codeVerifier,
      codeChallenge,
    };
    const url = await callUpstream(provider, log, () =>
      provider.begin({ ...asked, reauthenticate }),
    );
    return { redirect: url.href, cookies };
  };
}
